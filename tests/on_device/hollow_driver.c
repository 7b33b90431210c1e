/* A CUDA driver that computes nothing: what the host does to launch kernels and to record them can be tested, and
   timed, without a GPU. Memory is the host's, kernels are counted, a graph is a number. Handles are numbers, too.

       cc -O1 -shared -fPIC -o libcuda.so.1 hollow_driver.c -ldl        see launch_check.py */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Result;
typedef unsigned long long Address;
typedef void *Handle;
typedef struct {
    unsigned grid[3], block[3], shared;
    Handle stream, attributes;
    unsigned n_attributes;
} LaunchConfig;

enum { INVALID_CONTEXT = 201, INVALID_VALUE = 1, NOT_FOUND = 500 };
enum { LAUNCHES, RECORDED, GRAPH_LAUNCHES, COPIES, ALLOCATIONS, LIVE_GRAPHS, MISUSES, COUNTS };

static long counts[COUNTS];
static Handle recording; /* the stream that is recorded */
static __thread Handle current;
static Address last = 0x10000;

static Handle fresh(void) { return (Handle)(last += 64); }
long hollow_count(int which) { return counts[which]; }

/* The arguments of the next launch are copied out: so many, each of so many bytes. */
static long n_wanted;
static const int *sizes_wanted;
static unsigned char *wanted;
void hollow_want(long n, const int *sizes, unsigned char *out) { n_wanted = n, sizes_wanted = sizes, wanted = out; }

static Result launched(Handle stream, void **arguments) {
    if (!current) return INVALID_CONTEXT;
    if (recording && stream != recording) counts[MISUSES]++;
    counts[stream && stream == recording ? RECORDED : LAUNCHES]++;
    for (long k = 0; wanted && k < n_wanted; k++) {
        memcpy(wanted, arguments[k], sizes_wanted[k]);
        wanted += sizes_wanted[k];
    }
    wanted = 0;
    return 0;
}

static Result copied(void *to, const void *from, size_t bytes) {
    if (!current) return INVALID_CONTEXT;
    counts[COPIES]++, counts[MISUSES] += recording != 0;
    memcpy(to, from, bytes);
    return 0;
}

Result cuInit(unsigned flags) { return 0; }
Result cuDriverGetVersion(int *version) { return *version = 13000, 0; }
Result cuDeviceGet(int *device, int ordinal) { return *device = ordinal, 0; }
Result cuDeviceGetCount(int *count) { return *count = 1, 0; }
Result cuDeviceGetName(char *name, int size, int device) { return strncpy(name, "hollow", size), 0; }
Result cuDeviceGetUuid_v2(void *uuid, int device) { return memset(uuid, 1, 16), 0; }
Result cuDeviceTotalMem_v2(size_t *bytes, int device) { return *bytes = 1ull << 34, 0; }
Result cuDeviceGetAttribute(int *value, int attribute, int device) {
    switch (attribute) {
    case 75: *value = 9; break;       /* compute capability, major */
    case 76: *value = 0; break;       /* minor */
    case 16: *value = 132; break;     /* multiprocessors */
    case 97: *value = 232448; break;  /* shared memory of a block that asks for more */
    default: *value = 1024;
    }
    return 0;
}
Result cuDevicePrimaryCtxRetain(Handle *context, int device) { return *context = (Handle)0x1000, 0; }
Result cuCtxPushCurrent_v2(Handle context) { return current = context, 0; }
Result cuCtxPopCurrent_v2(Handle *context) { return *context = current, current = 0, 0; }
Result cuCtxGetCurrent(Handle *context) { return *context = current, 0; }
Result cuCtxSetCurrent(Handle context) { return current = context, 0; }
Result cuCtxGetDevice(int *device) { return *device = 0, current ? 0 : INVALID_CONTEXT; }
Result cuMemGetInfo_v2(size_t *free, size_t *total) { return *free = *total = 1ull << 34, 0; }
Result cuMemAlloc_v2(Address *pointer, size_t bytes) {
    counts[ALLOCATIONS]++;
    return *pointer = (Address)calloc(bytes, 1), 0;
}
Result cuMemFree_v2(Address pointer) { return free((void *)pointer), 0; }
Result cuMemcpyHtoD_v2(Address to, const void *from, size_t bytes) { return copied((void *)to, from, bytes); }
Result cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, Handle stream) {
    return copied((void *)to, from, bytes);
}
Result cuMemcpyDtoH_v2(void *to, Address from, size_t bytes) { return copied(to, (const void *)from, bytes); }
Result cuModuleGetGlobal_v2(Address *pointer, size_t *bytes, Handle module, const char *name) { return NOT_FOUND; }
Result cuLibraryLoadData(Handle *library, const void *code, int *options, void **values, unsigned n, int *library_options,
                         void **library_values, unsigned m) {
    return *library = fresh(), 0;
}
Result cuLibraryGetKernel(Handle *kernel, Handle library, const char *name) { return *kernel = fresh(), 0; }
Result cuLibraryGetModule(Handle *module, Handle library) { return *module = fresh(), 0; }
Result cuKernelGetFunction(Handle *function, Handle kernel) { return *function = kernel, 0; }
Result cuKernelGetAttribute(int *value, int attribute, Handle kernel, int device) { return *value = 1024, 0; }
Result cuLaunchKernel(Handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, Handle stream, void **arguments, void **extra) {
    return gx && bx ? launched(stream, arguments) : INVALID_VALUE;
}
Result cuLaunchKernelEx(const LaunchConfig *config, Handle function, void **arguments, void **extra) {
    return launched(config->stream, arguments);
}
Result cuStreamCreate(Handle *stream, unsigned flags) { return *stream = fresh(), 0; }
Result cuStreamBeginCapture_v2(Handle stream, int mode) {
    counts[MISUSES] += recording != 0 || !stream;
    return recording = stream, 0;
}
Result cuStreamEndCapture(Handle stream, Handle *graph) {
    counts[MISUSES] += recording != stream;
    return recording = 0, *graph = fresh(), 0;
}
Result cuGraphInstantiateWithFlags(Handle *graph, Handle from, unsigned long long flags) {
    counts[LIVE_GRAPHS]++;
    return *graph = fresh(), 0;
}
Result cuGraphExecDestroy(Handle graph) { return counts[LIVE_GRAPHS]--, 0; }
Result cuGraphLaunch(Handle graph, Handle stream) {
    counts[GRAPH_LAUNCHES]++, counts[MISUSES] += !graph || recording;
    return 0;
}

static Result anything(void) { return 0; }
Result cuGetProcAddress_v2(const char *name, void **function, int version, unsigned long long flags, int *status) {
    char versioned[256];
    Dl_info here;
    dladdr((void *)cuInit, &here);
    void *library = dlopen(here.dli_fname, RTLD_NOLOAD | RTLD_NOW);
    snprintf(versioned, sizeof versioned, "%s_v2", name);
    if (!(*function = dlsym(library, versioned)) && !(*function = dlsym(library, name))) *function = anything;
    if (status) *status = 0;
    return 0;
}
