//! Tables, as text for a terminal and as Markdown.

/// A table. The first columns are texts, the others are figures. Rows have as many cells as there are columns.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    texts: usize,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// `texts` is how many columns are texts. None of them may be without a value.
    pub(crate) fn new<T: Into<String>>(texts: usize, columns: impl IntoIterator<Item = T>) -> Self {
        Self {
            texts,
            columns: columns.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Leaves out columns without a value in any row.
    #[must_use]
    pub(crate) fn without_empty_columns(self) -> Self {
        let has_value = |index: usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.get(index));
            cells.any(|cell| !cell.is_empty())
        };
        let kept: Vec<bool> = (0..self.columns.len()).map(has_value).collect();
        let keep = |cells: &Vec<String>| {
            let cells = cells.iter().zip(&kept);
            cells
                .filter(|(_, kept)| **kept)
                .map(|(cell, _)| cell.clone())
                .collect()
        };
        Self {
            texts: self.texts,
            columns: keep(&self.columns),
            rows: self.rows.iter().map(keep).collect(),
        }
    }

    /// Aligned for a font of fixed width.
    pub(crate) fn text(&self) -> String {
        let width = |index: usize| {
            let cells = self.lines().filter_map(|row| row.get(index));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for row in self.lines() {
            let cells = row.iter().zip(&widths).enumerate();
            let cells: Vec<String> = cells
                .map(|(index, (cell, width))| {
                    if index < self.texts {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                })
                .collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(&self.columns);
        let rules =
            (0..self.columns.len()).map(|index| if index < self.texts { "---|" } else { "---:|" });
        text.push('|');
        text.extend(rules);
        text.push('\n');
        text.extend(self.rows.iter().map(|row| line(row)));
        text
    }

    fn lines(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.columns).chain(&self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(1, ["route", "requests/s", "of native", "p50"]);
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        table.row(row(["plain", "23,466", "", "1.2 ms"]));
        table.row(row(["user count", "9", "", "54 µs"]));
        table
    }

    #[test]
    fn text_is_aligned() {
        let expected = "route       requests/s     p50\n\
                        plain           23,466  1.2 ms\n\
                        user count           9   54 µs\n";
        assert_eq!(table().without_empty_columns().text(), expected);
    }

    #[test]
    fn markdown_has_a_line_of_rules() {
        let expected = "| route | requests/s | p50 |\n|---|---:|---:|\n\
                        | plain | 23,466 | 1.2 ms |\n| user count | 9 | 54 µs |\n";
        assert_eq!(table().without_empty_columns().markdown(), expected);
    }
}
