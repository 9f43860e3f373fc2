//! Bars, in a group for each route. The longest bar of a group has the full width, because routes differ by
//! three orders of magnitude.

use super::{document, text};

/// The bars of a route.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) bars: Vec<Bar>,
}

#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) name: String,
    /// Bars of one series have one colour.
    pub(crate) series: usize,
    pub(crate) value: f64,
    /// What stands behind the bar.
    pub(crate) text: String,
}

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 24.0;
/// Where bars begin, and the width of the longest.
const BEGIN: f64 = 172.0;
const LONGEST: f64 = 400.0;
const BAR: f64 = 16.0;
const STEP: f64 = 24.0;
const TITLE: f64 = 26.0;
const GAP: f64 = 16.0;
const COLOURS: usize = 7;

/// Draws the groups below each other.
pub(crate) fn bars(groups: &[Group]) -> String {
    let mut body = text(
        "soft",
        "end",
        (WIDTH - MARGIN, MARGIN + 10.0),
        "requests/s · processor time per request",
    );
    let mut y = MARGIN;
    for group in groups {
        body.push_str(&text("ink head", "start", (MARGIN, y + 10.0), &group.title));
        y += TITLE;
        let longest = group.bars.iter().map(|bar| bar.value).fold(1e-9, f64::max);
        for bar in &group.bars {
            body.push_str(&draw(bar, y, bar.value / longest * LONGEST));
            y += STEP;
        }
        y += GAP;
    }
    let title = "Requests per second of each host, by route";
    document(WIDTH, y - GAP + MARGIN, title, &body)
}

fn draw(bar: &Bar, y: f64, length: f64) -> String {
    let (base, length) = (y + BAR - 3.5, length.max(1.0));
    let name = text("soft", "end", (BEGIN - 10.0, base), &bar.name);
    let value = text("ink", "start", (BEGIN + LONGEST + 12.0, base), &bar.text);
    let series = bar.series % COLOURS;
    format!(
        "{name}<rect class=\"track\" x=\"{BEGIN}\" y=\"{y:.1}\" width=\"{LONGEST}\" height=\"{BAR}\" rx=\"3\"/>\n\
         <rect class=\"s{series}\" x=\"{BEGIN}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"3\"/>\n{value}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_of_a_group_has_the_full_width() {
        let bar = |name: &str, series, value| Bar {
            name: name.to_owned(),
            series,
            value,
            text: format!("{value} /s"),
        };
        let group = |title: &str, bars| Group {
            title: title.to_owned(),
            bars,
        };
        let groups = [
            group(
                "plain",
                vec![bar("embedded", 0, 20_000.0), bar("Spin", 2, 5_000.0)],
            ),
            group("login", vec![bar("embedded", 0, 50.0)]),
        ];
        let svg = bars(&groups);
        assert_eq!(svg.matches("class=\"s0\"").count(), 2);
        let of_s0 = svg.lines().filter(|line| line.contains("class=\"s0\""));
        assert!(
            of_s0.clone().all(|line| line.contains("width=\"400.0\"")),
            "{svg}"
        );
        let of_s2 = svg
            .lines()
            .find(|line| line.contains("class=\"s2\""))
            .unwrap();
        assert!(of_s2.contains("width=\"100.0\""), "{svg}");
    }

    #[test]
    fn a_picture_of_nothing_is_valid() {
        assert!(bars(&[]).ends_with("</svg>\n"));
    }
}
