/* Typed structs through a queue. The text's struct begins with a long mtype, and its size is to be given without it;
 * here the message is the struct, and the type stands beside it. The child chooses by type as msgrcv() does. */
#include <kin/process.h>
#include <kin/queue.h>
#include <err.h>
#include <stdio.h>

enum { ORDER = 1, QUESTION = 2, COMPLAINT = 3, NEWS = 7 };

struct letter {
    int number;
    char text[24];
};

static void send(kin_queue *queue, int type, unsigned priority, int number, const char *text)
{
    struct letter letter = {.number = number};
    snprintf(letter.text, sizeof letter.text, "%s", text);
    if (kin_queue_send(queue, &letter, sizeof letter, KIN_SEND(.type = type, .priority = priority), KIN_FOREVER) < 0)
        errx(1, "%s", kin_reason());
}

static void receive(kin_queue *queue, const char *what, const struct kin_receive *how)
{
    struct letter letter;
    struct kin_message message;
    if (kin_queue_receive(queue, &letter, sizeof letter, how, KIN_NOW, &message) < 0)
        printf("%-18s nothing\n", what);
    else
        printf("%-18s type %d, %d: %s\n", what, (int)message.type, letter.number, letter.text);
}

static int read_them(void *queue)
{
    receive(queue, "type 0:", NULL);
    receive(queue, "type 3:", KIN_RECEIVE(.type = COMPLAINT));
    receive(queue, "type -3:", KIN_RECEIVE(.type = -COMPLAINT)); /* the lowest up to 3, not the first of them */
    receive(queue, "all but type 2:", KIN_RECEIVE(.type = QUESTION, .flags = KIN_EXCEPT));
    receive(queue, "type 7:", KIN_RECEIVE(.type = NEWS));
    receive(queue, "type 0:", NULL);
    return 0;
}

int main(void)
{
    kin_queue *queue;
    kin_process *child;
    if (kin_queue_open(NULL, "letters", KIN_QUEUE(.message_max = sizeof(struct letter)), &queue) < 0)
        errx(1, "%s", kin_reason());
    send(queue, QUESTION, 0, 1, "what is a queue?");
    send(queue, ORDER, 0, 2, "two queues, please");
    send(queue, COMPLAINT, 0, 3, "mine is torn");
    send(queue, NEWS, 0, 4, "first by priority,");
    send(queue, ORDER, 0, 5, "then by age");
    send(queue, QUESTION, KIN_PRIORITY_MAX, 6, "32767 is the highest");
    if (kin_process_fork(read_them, queue, NULL, &child) < 0)
        errx(1, "%s", kin_reason());
    kin_process_wait(child, 0, KIN_FOREVER, NULL);
    kin_process_close(child);

    /* A deadline instead of IPC_NOWAIT and mq_timedreceive(); too short a buffer loses nothing. */
    char small[4];
    struct kin_message message;
    kin_queue_receive(queue, small, sizeof small, NULL, KIN_NOW, &message);
    printf("%s\n", kin_reason());
    receive(queue, "it is still there:", NULL);
    receive(queue, "now:", NULL);
    kin_queue_close(queue);
    return 0;
}
