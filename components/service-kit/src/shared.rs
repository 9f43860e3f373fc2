//! A value that the requests of an instance share, for answers that anyone may ask for and that are
//! costly to make.
//!
//! One request makes the value, and the others get the latest one or wait for it, however long it takes:
//! if each made its own, a slow dependency would be asked most when it is slowest. The next value is made in the
//! background while the latest one is still good, so under load no request waits for it. A waiting request sleeps on
//! the host's timer and looks again. It must not wait for a lock or a channel in memory, because the
//! host ends an instance in which a task waits for another task only.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::thread::LocalKey;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::{background, clock};

/// Maximum age of a value that a request finds.
pub const MAX_AGE: Duration = Duration::from_secs(1);

/// The age at which a request makes the next value after its answer. Until [`MAX_AGE`] all get the latest one.
const REFRESH_AGE: Duration = Duration::from_millis(500);

/// How long a waiting request sleeps at first. The time doubles up to [`MAX_SLEEP`].
const FIRST_SLEEP: Duration = Duration::from_millis(1);

/// A longer sleep would add to the time of an answer that is ready.
const MAX_SLEEP: Duration = Duration::from_millis(16);

/// A value that the requests of an instance share.
#[derive(Debug)]
pub struct Shared<T, E> {
    latest: RefCell<Option<Reading<T>>>,
    /// The latest error, and when the request that got it began to make the value.
    failed: RefCell<Option<(Instant, E)>>,
    is_busy: Cell<bool>,
}

/// A value, and how old it is.
#[derive(Debug)]
pub struct Reading<T> {
    /// The value.
    pub value: Rc<T>,
    /// When it was asked for: the value knows of everything that happened before.
    pub as_of: OffsetDateTime,
    begun: Instant,
    ended: Instant,
}

impl<T> Clone for Reading<T> {
    fn clone(&self) -> Self {
        Self {
            value: Rc::clone(&self.value),
            ..*self
        }
    }
}

impl<T, E> Default for Shared<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Shared<T, E> {
    /// Creates a value that is not made yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            latest: RefCell::new(None),
            failed: RefCell::new(None),
            is_busy: Cell::new(false),
        }
    }
}

/// In a box, so that a component contains the code that makes a value once.
type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// What a request does about a value.
#[derive(Debug)]
enum Step<T, E> {
    Return(Result<Reading<T>, E>),
    /// Return this one, and make the next.
    Refresh(Reading<T>),
    Make,
    Wait,
}

impl<T: 'static, E: Clone + 'static> Shared<T, E> {
    /// Returns a value that is at most [`MAX_AGE`] old. If `shared` has none, this request calls `make`, or
    /// waits for another one that does. If it is half as old, `make` is called in the background.
    ///
    /// # Errors
    /// Those of `make`. Requests that waited before it was called get the error, too. One that came later
    /// calls `make` itself: the call may have failed because the client of its request hung up.
    pub async fn read(
        shared: &'static LocalKey<Self>,
        make: impl AsyncFnOnce() -> Result<T, E> + 'static,
    ) -> Result<Reading<T>, E> {
        Self::read_and_spawn(shared, make, background).await
    }

    async fn read_and_spawn(
        shared: &'static LocalKey<Self>,
        make: impl AsyncFnOnce() -> Result<T, E> + 'static,
        spawn: impl FnOnce(Boxed<()>),
    ) -> Result<Reading<T>, E> {
        let (arrived, mut sleep) = (Instant::now(), FIRST_SLEEP);
        loop {
            match shared.with(|shared| shared.step(arrived, Instant::now())) {
                Step::Return(result) => return result,
                Step::Refresh(latest) => {
                    let next = Self::begin(Making(shared), make);
                    // A request that finds the value too old makes it again, and gets the error.
                    spawn(Box::pin(async { drop(next.await) }));
                    return Ok(latest);
                }
                Step::Make => return Self::begin(Making(shared), make).await,
                Step::Wait => clock::sleep(sleep).await,
            }
            sleep = MAX_SLEEP.min(sleep * 2);
        }
    }

    fn begin(
        making: Making<T, E>,
        make: impl AsyncFnOnce() -> Result<T, E> + 'static,
    ) -> Boxed<Result<Reading<T>, E>> {
        Box::pin(async move {
            let (begun, as_of) = (Instant::now(), OffsetDateTime::now_utc());
            let made = make().await;
            let shared = making.0;
            drop(making);
            shared.with(|shared| shared.keep(begun, as_of, made))
        })
    }

    fn step(&self, arrived: Instant, now: Instant) -> Step<T, E> {
        if let Some(latest) = &*self.latest.borrow() {
            let age = now.saturating_duration_since(latest.begun);
            if age < REFRESH_AGE || latest.ended > arrived {
                return Step::Return(Ok(latest.clone()));
            }
            if age < MAX_AGE {
                return match self.is_busy.replace(true) {
                    true => Step::Return(Ok(latest.clone())),
                    false => Step::Refresh(latest.clone()),
                };
            }
        }
        match &*self.failed.borrow() {
            Some((begun, error)) if *begun >= arrived => return Step::Return(Err(error.clone())),
            _ => {}
        }
        match self.is_busy.replace(true) {
            true => Step::Wait,
            false => Step::Make,
        }
    }

    fn keep(
        &self,
        begun: Instant,
        as_of: OffsetDateTime,
        made: Result<T, E>,
    ) -> Result<Reading<T>, E> {
        let ended = Instant::now();
        match made {
            Ok(value) => {
                let value = Rc::new(value);
                let reading = Reading {
                    value,
                    as_of,
                    begun,
                    ended,
                };
                self.latest.replace(Some(reading.clone()));
                Ok(reading)
            }
            Err(error) => {
                self.failed.replace(Some((begun, error.clone())));
                Err(error)
            }
        }
    }
}

/// Lets another request make the value when this is dropped, also if the host cancels the request.
struct Making<T: 'static, E: 'static>(&'static LocalKey<Shared<T, E>>);

impl<T, E> Drop for Making<T, E> {
    fn drop(&mut self) {
        self.0.with(|shared| shared.is_busy.set(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::block_on;
    use std::future::{pending, poll_fn};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    type Number = Shared<u32, &'static str>;

    macro_rules! number {
        () => {{
            thread_local!(static NUMBER: Number = const { Shared::new() });
            &NUMBER
        }};
    }

    /// Makes the latest value older.
    fn age(shared: &'static LocalKey<Number>, by: Duration) {
        shared.with(|shared| {
            let mut latest = shared.latest.borrow_mut();
            let latest = latest.as_mut().unwrap();
            latest.begun = latest.begun.checked_sub(by).unwrap();
            latest.ended = latest.begun;
        });
    }

    fn read(
        shared: &'static LocalKey<Number>,
        made: Result<u32, &'static str>,
    ) -> Result<u32, &'static str> {
        let read = Shared::read_and_spawn(shared, async move || made, block_on);
        block_on(read).map(|reading| *reading.value)
    }

    #[test]
    fn a_value_is_kept_until_it_is_old() {
        let number = number!();
        assert_eq!(read(number, Ok(1)), Ok(1));
        assert_eq!(read(number, Ok(2)), Ok(1));
        age(number, MAX_AGE);
        assert_eq!(read(number, Ok(3)), Ok(3));
    }

    #[test]
    fn the_next_value_is_made_after_the_answer() {
        let number = number!();
        assert_eq!(read(number, Ok(1)), Ok(1));
        age(number, REFRESH_AGE);
        assert_eq!(read(number, Err("no")), Ok(1));
        assert_eq!(read(number, Ok(2)), Ok(1));
        assert_eq!(read(number, Ok(3)), Ok(2));
    }

    #[test]
    fn all_get_the_latest_value_while_the_next_is_made() {
        let number = number!();
        assert_eq!(read(number, Ok(1)), Ok(1));
        age(number, REFRESH_AGE);
        let mut context = Context::from_waker(Waker::noop());
        let mut next = None;
        let never =
            Shared::read_and_spawn(number, async || pending().await, |work| next = Some(work));
        assert!(block_on(never).is_ok());
        let mut next = next.unwrap();
        assert!(next.as_mut().poll(&mut context).is_pending());
        assert_eq!(read(number, Ok(2)), Ok(1));
        // When the value is too old, they wait.
        age(number, MAX_AGE);
        let mut waiting = pin!(Shared::read(number, async || Ok(3)));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        // The host may drop what runs in the background.
        drop(next);
        assert_eq!(read(number, Ok(4)), Ok(4));
    }

    #[test]
    fn a_slow_value_is_returned_to_all_that_waited() {
        let number = number!();
        let mut context = Context::from_waker(Waker::noop());
        let mut never = pin!(Shared::read(number, async || pending().await));
        assert!(never.as_mut().poll(&mut context).is_pending());
        let mut waiting = pin!(Shared::read(number, async || Ok(2)));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        let begun = Instant::now().checked_sub(2 * MAX_AGE).unwrap();
        let made = number.with(|number| number.keep(begun, OffsetDateTime::now_utc(), Ok(1)));
        assert!(made.is_ok());
        let Poll::Ready(Ok(reading)) = waiting.as_mut().poll(&mut context) else {
            panic!("it waits for a newer value");
        };
        assert_eq!(*reading.value, 1);
    }

    #[test]
    fn a_cancelled_request_leaves_its_work_to_another() {
        let number = number!();
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut cancelled = pin!(Shared::read(number, async || pending().await));
            assert!(cancelled.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(read(number, Ok(2)), Ok(2));
    }

    #[test]
    fn an_error_reaches_those_who_waited_for_its_beginning() {
        let number = number!();
        let mut context = Context::from_waker(Waker::noop());
        let open = Rc::new(Cell::new(false));
        let is_open = Rc::clone(&open);
        let fails = async move || {
            poll_fn(|_| {
                if is_open.get() {
                    Poll::Ready(Err("no"))
                } else {
                    Poll::Pending
                }
            })
            .await
        };
        let mut first = pin!(Shared::read(number, fails));
        assert!(first.as_mut().poll(&mut context).is_pending());
        // Two come while the value is made.
        let mut second = pin!(Shared::read(number, async || Err("again")));
        assert!(second.as_mut().poll(&mut context).is_pending());
        let mut third = pin!(Shared::read(number, async || Ok(1)));
        assert!(third.as_mut().poll(&mut context).is_pending());
        open.set(true);
        let failed = first.as_mut().poll(&mut context);
        assert!(matches!(failed, Poll::Ready(Err("no"))));
        // One of them makes it again, and the other one has waited for that.
        let failed = second.as_mut().poll(&mut context);
        assert!(matches!(failed, Poll::Ready(Err("again"))));
        let failed = third.as_mut().poll(&mut context);
        assert!(matches!(failed, Poll::Ready(Err("again"))));
        assert_eq!(read(number, Ok(2)), Ok(2));
    }
}
