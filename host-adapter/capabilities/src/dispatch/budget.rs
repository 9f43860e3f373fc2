//! A bound on retries: a share of the calls, so that retries do not multiply the load of a peer that is
//! overloaded already. Pure logic.

/// The retries that a component may make to one peer: a token bucket. Each call adds a share of a
/// retry, and each retry takes one.
#[derive(Debug)]
pub(super) struct Budget {
    /// In hundredths of a retry, as everything here.
    left: u32,
    /// The part of the reserve that no call has paid for yet. Calls pay for it first, so that retries never
    /// exceed both the reserve and the share.
    advance: u32,
    reserve: u32,
    share: u32,
}

/// The price of a retry.
const RETRY: u32 = 100;

impl Budget {
    /// Creates a budget of `percent` of the calls. It holds at most `reserve` retries, and has them at the
    /// beginning.
    pub(super) fn new(percent: u32, reserve: u32) -> Self {
        let reserve = reserve.saturating_mul(RETRY);
        Self {
            left: reserve,
            advance: reserve,
            reserve,
            share: percent,
        }
    }

    /// Counts a call.
    pub(super) fn call(&mut self) {
        if self.advance > 0 {
            self.advance = self.advance.saturating_sub(self.share);
        } else {
            self.left = self.left.saturating_add(self.share).min(self.reserve);
        }
    }

    /// Takes a retry, if there is one.
    pub(super) fn take(&mut self) -> bool {
        let after = self.left.checked_sub(RETRY);
        self.left = after.unwrap_or(self.left);
        after.is_some()
    }

    /// Retries that are left.
    pub(super) fn left(&self) -> u32 {
        self.left / RETRY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(budget: &mut Budget, calls: u32, wanted: u32) -> u32 {
        let mut retries = 0;
        for _ in 0..calls {
            budget.call();
            retries += (0..wanted).map(|_| u32::from(budget.take())).sum::<u32>();
        }
        retries
    }

    #[test]
    fn retries_are_a_share_of_the_calls() {
        let mut budget = Budget::new(10, 10);
        let all = retries(&mut budget, 4_000, 2);
        assert!((390..=400).contains(&all), "{all} retries");
    }

    #[test]
    fn a_few_calls_are_retried_from_the_reserve() {
        let mut budget = Budget::new(10, 10);
        assert_eq!(retries(&mut budget, 5, 2), 10);
        assert_eq!(retries(&mut budget, 5, 2), 0);
    }

    #[test]
    fn quiet_traffic_saves_no_more_than_the_reserve() {
        let mut budget = Budget::new(10, 10);
        assert_eq!(retries(&mut budget, 10_000, 0), 0);
        assert_eq!(retries(&mut budget, 1, 100), 10);
    }

    #[test]
    fn no_share_means_no_retries_after_the_reserve() {
        let mut budget = Budget::new(0, 0);
        assert_eq!(retries(&mut budget, 1_000, 2), 0);
    }
}
