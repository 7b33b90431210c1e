"""To be imported before numpy: OpenBLAS takes its products by the processor, whatever the environment pins them to.

A machine's rate is that of its best products. Those for AVX2, which an environment may ask for to have the same bits
everywhere, run at half of it where there is AVX-512, and a share of that flatters.
"""

import os

os.environ.pop("OPENBLAS_CORETYPE", None)
