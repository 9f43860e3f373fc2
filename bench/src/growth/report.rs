//! The result: for each route, its cost at each size relative to the smallest.

use super::{Sample, sizes::Size};
use crate::{
    figures::{duration, grouped, size},
    picture::{self, Panel},
    summary::Spread,
    table::Table,
};

/// Above it, a cost counts as growing.
const LIMIT: f64 = 1.5;

pub(super) struct Report<'a> {
    sizes: &'a [Size],
    samples: &'a [Sample],
}

impl<'a> Report<'a> {
    pub(super) fn new(sizes: &'a [Size], samples: &'a [Sample]) -> Self {
        Self { sizes, samples }
    }

    pub(super) fn text(&self) -> String {
        let (sizes, ratios) = (self.sizes_table().text(), self.ratios_table().text());
        format!("{sizes}\n{ratios}\n{}\n", self.verdict())
    }

    pub(super) fn markdown(&self) -> String {
        let (sizes, ratios) = (
            self.sizes_table().markdown(),
            self.ratios_table().markdown(),
        );
        format!("{sizes}\n{ratios}\n{}\n", self.verdict())
    }

    pub(super) fn picture(&self) -> String {
        let panels = self.routes().into_iter().map(|route| Panel {
            title: route.to_owned(),
            points: self.points(route),
        });
        picture::panels(&panels.collect::<Vec<_>>(), LIMIT)
    }

    /// In the order in which they were measured.
    fn routes(&self) -> Vec<&'static str> {
        let mut routes = Vec::new();
        for sample in self.samples {
            if !routes.contains(&sample.route) {
                routes.push(sample.route);
            }
        }
        routes
    }

    fn of(&self, route: &str, size: usize) -> impl Iterator<Item = &'a Sample> {
        let samples = self.samples.iter();
        samples.filter(move |sample| sample.route == route && sample.size == size)
    }

    /// How many times as much a request costs as at the smallest size: fewer requests per second.
    fn cost(&self, route: &str, size: usize) -> Option<Spread> {
        let ratio = |sample: &Sample| sample.smallest.rate() / sample.grown.rate().max(1e-9);
        Spread::of(self.of(route, size).map(ratio))
    }

    fn points(&self, route: &str) -> Vec<(String, f64)> {
        let sizes = self.sizes.iter().enumerate();
        let points =
            sizes.filter_map(|(index, at)| Some((size(at.users), self.cost(route, index)?.median)));
        points.collect()
    }

    fn grows(&self, route: &str) -> bool {
        self.points(route).iter().any(|(_, ratio)| *ratio > LIMIT)
    }

    fn sizes_table(&self) -> Table {
        let mut table = Table::new(
            1,
            [
                "size",
                "users",
                "events",
                "sessions",
                "days of a user's activities",
            ],
        );
        for at in self.sizes {
            let figures = [at.users, at.events, at.sessions, at.days];
            let figures = figures.iter().map(|figure| grouped(*figure as f64));
            table.row(std::iter::once(size(at.users)).chain(figures).collect());
        }
        table
    }

    fn ratios_table(&self) -> Table {
        let sizes = self.sizes.iter().map(|at| size(at.users));
        let columns = std::iter::once("cost of a request at".to_owned()).chain(sizes);
        let last = ["p50, smallest", "p50, largest", ""].map(str::to_owned);
        let mut table = Table::new(1, columns.chain(last));
        for route in self.routes() {
            let mut row = vec![route.to_owned()];
            for index in 0..self.sizes.len() {
                let cost = self.cost(route, index);
                row.push(cost.map_or_else(String::new, Spread::ratio));
            }
            row.push(self.p50(route, |sample| sample.smallest.p50));
            row.push(self.p50(route, |sample| sample.grown.p50));
            row.push(if self.grows(route) {
                "grows".to_owned()
            } else {
                String::new()
            });
            table.row(row);
        }
        table
    }

    /// The median at the largest size.
    fn p50(&self, route: &str, of: impl Fn(&Sample) -> u64) -> String {
        let last = self.sizes.len().saturating_sub(1);
        let values = self.of(route, last).map(|sample| of(sample) as f64);
        Spread::of(values).map_or_else(String::new, |spread| duration(spread.median))
    }

    fn verdict(&self) -> String {
        let routes = self.routes().into_iter();
        let growing: Vec<&str> = routes.filter(|route| self.grows(route)).collect();
        if growing.is_empty() {
            return format!(
                "No route costs more than {LIMIT} times what it costs at the smallest size."
            );
        }
        format!("Above {LIMIT} times: {}.", growing.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{growth::sizes::up_to, load::Outcome};

    fn outcome(requests: u64) -> Outcome {
        Outcome {
            requests,
            microseconds: 1_000_000,
            p50: 1_000_000 / requests,
            p99: 5_000,
            failed: 0,
        }
    }

    fn sample(size: usize, route: &'static str, smallest: u64, grown: u64) -> Sample {
        Sample {
            size,
            route,
            smallest: outcome(smallest),
            grown: outcome(grown),
        }
    }

    #[test]
    fn a_route_above_the_limit_is_named() {
        let sizes = up_to(10_000);
        let samples = [
            sample(0, "profile", 1000, 1000),
            sample(0, "activity statistics", 1000, 1000),
            sample(1, "profile", 500, 490),
            sample(1, "activity statistics", 1000, 400),
        ];
        let report = Report::new(&sizes, &samples);
        let text = report.text();
        assert!(
            text.contains("Above 1.5 times: activity statistics."),
            "{text}"
        );
        let row = text
            .lines()
            .find(|line| line.starts_with("profile"))
            .unwrap();
        let cells: Vec<&str> = row
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect();
        assert_eq!(cells, ["profile", "1.00", "1.02", "2.0 ms", "2.0 ms"]);
        assert!(
            report
                .markdown()
                .contains("| activity statistics | 1.00 | 2.50 | 1.0 ms | 2.5 ms | grows |")
        );
        assert_eq!(report.picture().matches("<polyline").count(), 2);
    }
}
