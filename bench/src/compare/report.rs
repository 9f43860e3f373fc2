//! The result of a comparison: medians over the rounds, and ratios of measurements of the same round.

use super::{HostUse, Measured};
use crate::{
    figures::{duration, grouped, memory},
    hosts::Kind,
    picture::{Bar, Group},
    rounds::Sample,
    routes::Route,
    summary::Spread,
    table::Table,
};

pub(super) struct Report<'a> {
    measured: &'a Measured,
}

impl<'a> Report<'a> {
    pub(super) fn new(measured: &'a Measured) -> Self {
        Self { measured }
    }

    pub(super) fn text(&self) -> String {
        format!("{}\n{}", self.rates().text(), self.memory().text())
    }

    pub(super) fn markdown(&self) -> String {
        format!("{}\n{}", self.rates().markdown(), self.memory().markdown())
    }

    /// The rows of one route on one host, in the order of the rounds.
    fn rows(&self, route: Route, host: usize) -> impl Iterator<Item = &'a Sample> {
        let samples = self.measured.samples.iter();
        samples.filter(move |sample| sample.route == route && sample.host == host)
    }

    fn spread(&self, route: Route, host: usize, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.rows(route, host).map(of))
    }

    /// Requests per second of a host, divided by those of a host and a route of the same round.
    fn ratio(&self, of: (Route, usize), to: Option<(Route, usize)>) -> Option<Spread> {
        let (route, host) = to?;
        let ratios = self.rows(of.0, of.1).filter_map(|sample| {
            let mut base = self.rows(route, host);
            let base = base.find(|base| base.round == sample.round)?;
            (base.rate > 0.0).then(|| sample.rate / base.rate)
        });
        Spread::of(ratios)
    }

    fn find(&self, kind: Kind, old: bool) -> Option<usize> {
        let mut hosts = self.measured.hosts.iter();
        hosts.position(|host| host.kind == kind && host.old == old)
    }

    fn rates(&self) -> Table {
        let mut table = Table::new(
            2,
            [
                "route",
                "host",
                "requests/s",
                "of embedded",
                "of native",
                "of Spin's pg",
                "of old",
                "CPU/request",
                "p50",
                "p99",
                "events/s beside",
            ],
        );
        for route in &self.measured.routes {
            for (index, host) in self.measured.hosts.iter().enumerate() {
                if self.rows(*route, index).next().is_some() {
                    table.row(self.row(*route, index, host));
                }
            }
        }
        table.without_empty_columns()
    }

    fn row(&self, route: Route, index: usize, host: &HostUse) -> Vec<String> {
        let figure = |of: fn(&Sample) -> f64, write: fn(f64) -> String| {
            let spread = self.spread(route, index, of);
            spread.map_or_else(String::new, |spread| write(spread.median))
        };
        let rate = self.spread(route, index, |sample| sample.rate);
        let of = |base: Option<(Route, usize)>| {
            // A host is not compared with itself.
            let base = base.filter(|base| *base != (route, index));
            let ratio = self.ratio((route, index), base);
            ratio.map_or_else(String::new, Spread::ratio)
        };
        let twin = |kind| self.find(kind, false).map(|host| (route, host));
        let old = if host.old {
            None
        } else {
            self.find(host.kind, true)
        };
        let background = self
            .rows(route, index)
            .filter_map(|sample| sample.background);
        vec![
            route.title().to_owned(),
            host.label.clone(),
            rate.map_or_else(String::new, |rate| rate.text(grouped)),
            of(self
                .find(Kind::Embedded, host.old)
                .map(|host| (route, host))),
            of(twin(Kind::Native)),
            of(twin(Kind::SpinPg)),
            of(old.map(|old| (route, old))),
            figure(|sample| sample.processor, duration),
            figure(|sample| sample.p50, duration),
            figure(|sample| sample.p99, duration),
            Spread::of(background).map_or_else(String::new, |rate| grouped(rate.median)),
        ]
    }

    fn memory(&self) -> Table {
        let columns = [
            "memory",
            "at the start",
            "PSS, median",
            "PSS, most",
            "resident, most",
        ];
        let mut table = Table::new(1, columns);
        for (index, host) in self.measured.hosts.iter().enumerate() {
            let samples = self.measured.samples.iter();
            let samples = samples.filter(|sample| sample.host == index);
            if let Some(used) = Spread::of(samples.map(|sample| sample.memory)) {
                table.row(vec![
                    host.label.clone(),
                    memory(host.memory_at_start),
                    memory(used.median),
                    memory(used.most),
                    memory(host.peak_resident),
                ]);
            }
        }
        table
    }

    /// The picture: for each route, the requests per second of each host.
    pub(super) fn bars(&self) -> Vec<Group> {
        let bar = |route: Route, index: usize, host: &HostUse| {
            let value = self.spread(route, index, |sample| sample.rate)?.median;
            let processor = self.spread(route, index, |sample| sample.processor)?.median;
            Some(Bar {
                name: host.label.clone(),
                series: host.kind as usize,
                value,
                text: format!("{} /s · {}", grouped(value), duration(processor)),
            })
        };
        let groups = self.measured.routes.iter().map(|route| {
            let hosts = self.measured.hosts.iter().enumerate();
            Group {
                title: route.title().to_owned(),
                bars: hosts
                    .filter_map(|(index, host)| bar(*route, index, host))
                    .collect(),
            }
        });
        groups.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(round: u32, host: usize, route: Route, rate: f64) -> Sample {
        Sample {
            round,
            host,
            route,
            rate,
            processor: 54.0,
            p50: 900.0,
            p99: 2_000.0,
            memory: 102_400.0,
            background: None,
        }
    }

    fn host(kind: Kind, old: bool) -> HostUse {
        HostUse {
            kind,
            old,
            label: format!("{}{}", kind.title(), if old { ", old" } else { "" }),
            memory_at_start: 51_200.0,
            peak_resident: 204_800.0,
        }
    }

    #[test]
    fn ratios_are_those_of_the_same_round() {
        let measured = Measured {
            hosts: vec![
                host(Kind::Embedded, false),
                host(Kind::Embedded, true),
                host(Kind::Native, false),
            ],
            routes: vec![Route::Profile],
            samples: vec![
                // A slow second round does not change the ratio.
                sample(1, 0, Route::Profile, 1000.0),
                sample(1, 1, Route::Profile, 500.0),
                sample(1, 2, Route::Profile, 2000.0),
                sample(2, 0, Route::Profile, 100.0),
                sample(2, 1, Route::Profile, 50.0),
                sample(2, 2, Route::Profile, 200.0),
            ],
        };
        let text = Report::new(&measured).text();
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|cell| !cell.is_empty())
                    .collect()
            })
            .collect();
        let columns = [
            "route",
            "host",
            "requests/s",
            "of embedded",
            "of native",
            "of old",
            "CPU/request",
            "p50",
            "p99",
        ];
        assert_eq!(rows[0], columns);
        assert_eq!(
            rows[1],
            [
                "profile",
                "embedded",
                "100 (100–1,000)",
                "0.50",
                "2.00",
                "54 µs",
                "900 µs",
                "2.0 ms"
            ]
        );
        assert_eq!(
            rows[3],
            [
                "profile",
                "native",
                "200 (200–2,000)",
                "2.00",
                "54 µs",
                "900 µs",
                "2.0 ms"
            ]
        );
        assert_eq!(rows[6], ["embedded", "50 MB", "100 MB", "100 MB", "200 MB"]);
    }

    #[test]
    fn each_route_is_a_group_of_bars() {
        let measured = Measured {
            hosts: vec![host(Kind::Embedded, false), host(Kind::Native, false)],
            routes: vec![Route::Plain, Route::Profile],
            samples: vec![
                sample(1, 0, Route::Plain, 23_466.0),
                sample(1, 0, Route::Profile, 9_990.0),
                sample(1, 1, Route::Profile, 15_369.0),
            ],
        };
        let groups = Report::new(&measured).bars();
        let counts: Vec<usize> = groups.iter().map(|group| group.bars.len()).collect();
        assert_eq!(counts, [1, 2]);
        assert_eq!(groups[0].bars[0].text, "23,466 /s · 54 µs");
    }
}
