//! Small pictures beside each other, one for each route: how a ratio changes with a size.

use super::{document, text};

/// A route.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    pub(crate) title: String,
    /// Sizes and ratios, in order.
    pub(crate) points: Vec<(String, f64)>,
}

const COLUMNS: usize = 3;
const MARGIN: f64 = 24.0;
const WIDTH: f64 = 236.0;
const HEIGHT: f64 = 150.0;
/// Of a panel: above, below and beside the area of the line.
const ABOVE: f64 = 34.0;
const BELOW: f64 = 34.0;
const LEFT: f64 = 28.0;
const RIGHT: f64 = 20.0;
/// Between the border of the area and the first and the last point, for their texts.
const INSET: f64 = 18.0;

/// Draws panels in rows. A dashed line in each is at `limit`.
pub(crate) fn panels(panels: &[Panel], limit: f64) -> String {
    let mut body = String::new();
    for (index, panel) in panels.iter().enumerate() {
        let (column, row) = (index % COLUMNS, index / COLUMNS);
        let at = (MARGIN + column as f64 * WIDTH, MARGIN + row as f64 * HEIGHT);
        body.push_str(&draw(panel, at, limit));
    }
    let rows = panels.len().div_ceil(COLUMNS);
    let (width, height) = (COLUMNS as f64 * WIDTH, rows as f64 * HEIGHT);
    let title = "Cost of each route at growing sizes, relative to the smallest";
    document(2.0 * MARGIN + width, 2.0 * MARGIN + height, title, &body)
}

fn draw(panel: &Panel, (x, y): (f64, f64), limit: f64) -> String {
    let highest = panel
        .points
        .iter()
        .map(|point| point.1)
        .fold(limit, f64::max)
        * 1.15;
    let (left, right) = (x + LEFT, x + WIDTH - RIGHT);
    let (top, bottom) = (y + ABOVE, y + HEIGHT - BELOW);
    let height = |ratio: f64| bottom - ratio.clamp(0.0, highest) / highest * (bottom - top);
    let step = (right - left - 2.0 * INSET) / (panel.points.len().max(2) - 1) as f64;
    let place = |(index, (_, ratio)): (usize, &(String, f64))| {
        (left + INSET + index as f64 * step, height(*ratio))
    };
    let places: Vec<(f64, f64)> = panel.points.iter().enumerate().map(place).collect();
    let line: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let rule = |class: &str, y: f64| {
        format!("<path class=\"{class}\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n")
    };
    let mut drawn = text("ink head", "start", (x + 4.0, y + 14.0), &panel.title);
    drawn.push_str(&rule("rule", bottom));
    drawn.push_str(&rule("limit", height(limit)));
    drawn.push_str(&text(
        "soft",
        "end",
        (left - 4.0, height(limit) + 4.0),
        &format!("{limit}"),
    ));
    drawn.push_str(&format!(
        "<polyline class=\"line\" points=\"{}\"/>\n",
        line.join(" ")
    ));
    for ((x, y), (size, ratio)) in places.iter().zip(&panel.points) {
        drawn.push_str(&format!(
            "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>\n"
        ));
        drawn.push_str(&text("soft", "middle", (*x, bottom + 17.0), size));
        let class = if *ratio > limit {
            "warn halo"
        } else {
            "ink halo"
        };
        drawn.push_str(&text(
            class,
            "middle",
            (*x, y - 8.0),
            &format!("{ratio:.2}"),
        ));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(ratios: &[f64]) -> Panel {
        let points = ratios.iter().enumerate();
        Panel {
            title: "profile".to_owned(),
            points: points
                .map(|(size, ratio)| (format!("10^{size}"), *ratio))
                .collect(),
        }
    }

    #[test]
    fn ratios_above_the_limit_stand_out() {
        let svg = panels(&[panel(&[1.0, 1.1]), panel(&[1.0, 2.5])], 1.5);
        assert_eq!(svg.matches("class=\"warn halo\"").count(), 1);
        assert!(svg.contains(">2.50</text>"), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 2);
    }

    #[test]
    fn one_point_or_none_is_drawn() {
        let svg = panels(&[panel(&[1.0]), panel(&[])], 1.5);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
