/* A system call in line. Its result is the kernel's, a negative errno; errno is left alone. On the way back from the
 * kernel no return is predicted, so that each function between costs some 30 ns: 4 % of a short write to a pipe. */
#ifndef SYS_CALL_H
#define SYS_CALL_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
#if defined __x86_64__ && !defined __ILP32__
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    register long sixth __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
#elif defined __aarch64__ && !defined __ILP32__
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#else
    long result = syscall(number, a, b, c, d, e, f);
    return result < 0 ? -errno : result;
#endif
}

#endif
