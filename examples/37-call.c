/* Calls to whoever serves: three workers turn words round. One word kills the worker that reads it, another one only
 * the first that does. */
#include <kin/process.h>
#include <kin/service.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define WORKERS 3

static int serve(void *name)
{
    kin_service *service;
    struct kin_request request;
    char answer[64];
    if (kin_service_open(NULL, name, KIN_SERVICE(.serve = 1), &service) < 0)
        errx(1, "%s", kin_reason());
    while (kin_service_take(service, KIN_FOREVER, &request) == 0) {
        const char *word = request.data;
        uint64_t length = request.length < sizeof answer ? request.length : sizeof answer;
        if (strncmp(word, "kill", length) == 0 || (strncmp(word, "kill one", length) == 0 && request.attempts == 0))
            raise(SIGKILL);
        for (uint64_t i = 0; i < length; i++)
            answer[i] = word[length - 1 - i];
        kin_service_reply(service, &request, (int)request.attempts, answer, length);
    }
    return 0;
}

static void call(kin_service *service, const char *word, const struct kin_call_options *how)
{
    char answer[64];
    struct kin_reply reply;
    if (kin_service_call(service, word, strlen(word), answer, sizeof answer, how, kin_after(60 * SECOND), &reply) < 0)
        printf("%s: %s\n", word, kin_reason());
    else
        printf("%s: %.*s, after %d had died of it\n", word, (int)reply.length, answer, reply.status);
}

int main(void)
{
    kin_service *service;
    kin_process *workers[WORKERS];
    if (kin_service_open(NULL, "words", NULL, &service) < 0)
        errx(1, "%s", kin_reason());
    call(service, "too early", NULL);
    for (int i = 0; i < WORKERS; i++)
        if (kin_process_fork(serve, "words", NULL, &workers[i]) < 0)
            errx(1, "%s", kin_reason());
    call(service, "word", KIN_CALL(.wait = 1));
    call(service, "kill", KIN_CALL(.wait = 1));
    call(service, "kill one", KIN_CALL(.wait = 1, .tries = 2));
    call(service, "word", KIN_CALL(.wait = 1));
    kin_service_close(service);
    for (int i = 0; i < WORKERS; i++) {
        kin_process_signal(workers[i], SIGTERM);
        kin_process_wait(workers[i], 0, KIN_FOREVER, NULL);
        kin_process_close(workers[i]);
    }
    return 0;
}
