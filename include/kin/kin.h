/* kin/kin.h - all of kin. */
#ifndef KIN_KIN_H
#define KIN_KIN_H

#include <kin/arena.h>
#include <kin/barrier.h>
#include <kin/base.h>
#include <kin/channel.h>
#include <kin/condition.h>
#include <kin/domain.h>
#include <kin/fifo.h>
#include <kin/filelock.h>
#include <kin/latch.h>
#include <kin/lock.h>
#include <kin/mapping.h>
#include <kin/once.h>
#include <kin/pipe.h>
#include <kin/pipeline.h>
#include <kin/poll.h>
#include <kin/prefork.h>
#include <kin/process.h>
#include <kin/pump.h>
#include <kin/queue.h>
#include <kin/rwlock.h>
#include <kin/segment.h>
#include <kin/semaphore.h>
#include <kin/service.h>
#include <kin/signal.h>
#include <kin/socket.h>
#include <kin/supervise.h>
#include <kin/timer.h>
#include <kin/topic.h>

#endif
