//! Writes results into `docs/performance.md`, between two comments.

use std::{fs, path::Path};

use anyhow::Context as _;

const PAGE: &str = "docs/performance.md";

/// A part of the page.
pub(crate) struct Part<'a> {
    pub(crate) name: &'a str,
    /// Markdown.
    pub(crate) text: String,
    /// The picture's file, what it shows, and its content.
    pub(crate) picture: &'a str,
    pub(crate) shows: &'a str,
    pub(crate) svg: String,
}

/// Replaces a part of the page, and writes its picture.
pub(crate) fn write(root: &Path, part: &Part<'_>) -> anyhow::Result<()> {
    let page = root.join(PAGE);
    let before = fs::read_to_string(&page).with_context(|| format!("reading `{PAGE}`"))?;
    let text = format!("![{}]({})\n\n{}", part.shows, part.picture, part.text);
    let after = replace(&before, part.name, &text)?;
    fs::write(page, after)?;
    fs::write(root.join("docs").join(part.picture), &part.svg)?;
    crate::note(&format!("wrote {PAGE} and docs/{}", part.picture));
    Ok(())
}

fn replace(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let (begin, end) = (
        format!("<!-- begin {name} -->\n"),
        format!("<!-- end {name} -->"),
    );
    let missing = || format!("`{PAGE}` has no line `{}` before `{end}`", begin.trim());
    let (before, rest) = page.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(&end).with_context(missing)?;
    Ok(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_part_is_replaced() {
        let page = "# Page\n<!-- begin one -->\nold\n<!-- end one -->\nkept\n\
            <!-- begin two -->\nother\n<!-- end two -->\n";
        let once = replace(page, "one", "| new |\n").unwrap();
        let expected = page.replace("\nold\n", "\n\n| new |\n\n");
        assert_eq!(once, expected);
        assert_eq!(replace(&once, "one", "| new |").unwrap(), once);
        assert!(replace(page, "three", "").is_err());
    }
}
