/* A contest has nobody to report an error to: what must not fail ends the process, with the place and the reason. */
#ifndef REQUIRE_H
#define REQUIRE_H

#ifdef __cplusplus
extern "C" {
#endif

#define require(condition) ((condition) ? (void)0 : require_failed(__FILE__, __LINE__, #condition))
void require_failed(const char *file, int line, const char *condition) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif
