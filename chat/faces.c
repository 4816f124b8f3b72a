/* The faces, in the order in which they are asked who a client is: the last takes everybody. */
#include "face.h"

const struct chat_face *const chat_faces[] = {&chat_irc, &chat_lines};
const unsigned chat_face_count = sizeof chat_faces / sizeof chat_faces[0];
