//! Threads of their own for guests (D6): two endless loops on two cores delay nobody who serves requests, timers or the writer.
//!
//! A job that gave way goes behind all that came before it. New jobs go first, since most are done in microseconds; but one
//! that gave way is never passed by more than a few.

use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Something to be done on a guest thread.
pub(super) trait Job: Send {
    /// Does it, or a part of it: a job that is given back goes on when others had their turn.
    fn step(self: Box<Self>) -> Option<Box<dyn Job>>;
}

/// The threads, which end when it is dropped; jobs that are left are dropped.
pub(super) struct Executor {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    fresh: VecDeque<Box<dyn Job>>,
    /// Jobs that gave way.
    tired: VecDeque<Box<dyn Job>>,
    /// Fresh jobs that were taken since a tired one was.
    fresh_in_a_row: u32,
    closed: bool,
}

/// Fresh jobs that may pass a tired one.
const FRESH_IN_A_ROW_MAX: u32 = 32;

impl Waiting {
    fn take(&mut self) -> Option<Box<dyn Job>> {
        if (self.fresh_in_a_row < FRESH_IN_A_ROW_MAX || self.tired.is_empty())
            && let Some(job) = self.fresh.pop_front()
        {
            self.fresh_in_a_row += 1;
            return Some(job);
        }
        self.fresh_in_a_row = 0;
        self.tired.pop_front()
    }
}

impl Executor {
    pub(super) fn new(threads: usize) -> io::Result<Executor> {
        let mut executor = Executor { queue: Arc::default(), threads: Vec::new() };
        for number in 0..threads {
            let queue = Arc::clone(&executor.queue);
            let thread = thread::Builder::new().name(format!("sandglass-guests-{number}"));
            executor.threads.push(thread.spawn(move || work(&queue))?);
        }
        Ok(executor)
    }

    /// Queues it; after the end it is dropped.
    pub(super) fn submit(&self, job: Box<dyn Job>) {
        let mut waiting = self.queue.waiting.lock();
        if waiting.closed {
            drop(waiting);
            return;
        }
        waiting.fresh.push_back(job);
        drop(waiting);
        self.queue.came.notify_one();
    }

    /// Jobs that wait.
    pub(super) fn waiting(&self) -> usize {
        let waiting = self.queue.waiting.lock();
        waiting.fresh.len() + waiting.tired.len()
    }

    /// Takes no more jobs and drops those that wait. What runs has to be ended by the caller.
    pub(super) fn close(&self) {
        let mut waiting = self.queue.waiting.lock();
        waiting.closed = true;
        let left = (std::mem::take(&mut waiting.fresh), std::mem::take(&mut waiting.tired));
        drop(waiting);
        drop(left);
        self.queue.came.notify_all();
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.close();
        let this = thread::current().id();
        for thread in self.threads.drain(..) {
            // The last job may hold the last handle: a thread cannot wait for itself.
            if thread.thread().id() != this && thread.join().is_err() {
                tracing::error!("a thread for guests has panicked");
            }
        }
    }
}

fn work(queue: &Queue) {
    loop {
        let mut waiting = queue.waiting.lock();
        let job = loop {
            if waiting.closed {
                return;
            }
            match waiting.take() {
                Some(job) => break job,
                None => queue.came.wait(&mut waiting),
            }
        };
        drop(waiting);
        // A fault of the host in one job must not take the thread from all others.
        let Ok(rest) = catch_unwind(AssertUnwindSafe(|| job.step())) else {
            tracing::error!("the host panicked while it ran a guest; that task is given up");
            continue;
        };
        if let Some(job) = rest {
            let mut waiting = queue.waiting.lock();
            if !waiting.closed {
                waiting.tired.push_back(job);
                drop(waiting);
                queue.came.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Executor, FRESH_IN_A_ROW_MAX, Job, Waiting};
    use std::sync::mpsc::{Sender, channel};

    struct Steps {
        name: &'static str,
        left: u32,
        done: Sender<&'static str>,
    }

    impl Job for Steps {
        fn step(mut self: Box<Self>) -> Option<Box<dyn Job>> {
            self.left -= 1;
            if self.left > 0 {
                return Some(self);
            }
            self.done.send(self.name).unwrap();
            None
        }
    }

    struct Panics;

    impl Job for Panics {
        fn step(self: Box<Self>) -> Option<Box<dyn Job>> {
            panic!("on purpose");
        }
    }

    #[test]
    fn short_jobs_pass_long_ones_and_a_panic_ends_nothing() {
        let (done, ended) = channel();
        let executor = Executor::new(1).unwrap();
        executor.submit(Box::new(Panics));
        executor.submit(Box::new(Steps { name: "long", left: 1000, done: done.clone() }));
        executor.submit(Box::new(Steps { name: "short", left: 1, done }));
        assert_eq!(ended.recv().unwrap(), "short");
        assert_eq!(ended.recv().unwrap(), "long");
    }

    #[test]
    fn a_tired_job_is_not_passed_for_ever() {
        let (done, _ended) = channel();
        let mut waiting = Waiting::default();
        let job = |name| Box::new(Steps { name, left: 1, done: done.clone() });
        waiting.tired.push_back(job("tired"));
        for _ in 0..=FRESH_IN_A_ROW_MAX {
            waiting.fresh.push_back(job("fresh"));
        }
        for _ in 0..FRESH_IN_A_ROW_MAX {
            assert!(waiting.take().is_some());
        }
        assert_eq!(waiting.tired.len(), 1);
        assert!(waiting.take().is_some());
        assert_eq!((waiting.tired.len(), waiting.fresh.len()), (0, 1));
    }
}
