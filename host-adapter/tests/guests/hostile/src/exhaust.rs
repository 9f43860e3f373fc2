//! Takes as much as it gets.

use std::task::Poll;

use service_kit::adapter::postgres;

pub(crate) fn allocate(mebibytes: usize) -> String {
    let memory = vec![1_u8; mebibytes << 20];
    std::hint::black_box(&memory).len().to_string()
}

pub(crate) fn compute_forever() -> ! {
    loop {
        std::hint::black_box(());
    }
}

/// Makes `number` statements at once that take a minute each, and returns how many the adapter refused.
pub(crate) async fn sleep_at_once(number: usize) -> String {
    let sleep = || postgres::fetch("select true from pg_sleep(60)".to_owned(), vec![]);
    let mut calls: Vec<_> = (0..number).map(|_| Some(Box::pin(sleep()))).collect();
    let mut refused = 0;
    let all = std::future::poll_fn(|context| {
        for place in &mut calls {
            let Some(call) = place else { continue };
            if let Poll::Ready(result) = call.as_mut().poll(context) {
                *place = None;
                refused += usize::from(matches!(result, Err(postgres::Error::Unavailable(_))));
            }
        }
        if calls.iter().all(Option::is_none) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    all.await;
    refused.to_string()
}
