//! Reads Markdown pages: shell blocks with their output, links and headings.

/// A shell block and the output that follows it.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) script: String,
    expected: Option<String>,
}

/// A fenced block.
struct Block {
    /// The text after the opening fence.
    info: String,
    text: String,
}

/// Returns the shell blocks that a test runs.
///
/// A block `sh` is run, and the block `json` or `text` after it is its expected output. Without one,
/// it must print nothing. A block `sh no-run: reason` is not run. Other `text` and `toml` blocks are
/// illustrations. Every other block is an error, so that a test never skips one by accident.
pub(crate) fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut previous_is_step = false;
    for Block { info, text } in blocks(page) {
        match info.as_str() {
            "sh" => steps.push(Step {
                script: text,
                expected: None,
            }),
            "json" | "text" if previous_is_step => {
                steps.last_mut().expect("a step").expected = Some(text);
            }
            other if has_reason(other) => {}
            "text" | "toml" => {}
            other => panic!(
                "a block is called `{other}`: use `sh`, `sh no-run: reason`, text or toml, and json \
                 after `sh` only"
            ),
        }
        previous_is_step = info == "sh";
    }
    steps
}

/// Whether a block says why it is not run.
fn has_reason(info: &str) -> bool {
    let reason = info.strip_prefix("sh no-run:");
    reason.is_some_and(|reason| !reason.trim().is_empty())
}

impl Step {
    /// Compares the output line by line. `…` in an expected line stands for any text.
    #[track_caller]
    pub(crate) fn check(&self, page: &str, printed: &str) {
        let printed = lines(printed);
        let expected = lines(self.expected.as_deref().unwrap_or_default());
        let same = printed.len() == expected.len()
            && expected
                .iter()
                .zip(&printed)
                .all(|(pattern, line)| matches(pattern, line));
        assert!(
            same,
            "{page}: after\n{}\nexpected\n{expected:#?}\nbut it printed\n{printed:#?}",
            self.script
        );
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect()
}

fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(info), None) => {
                open = Some(Block {
                    info: info.to_owned(),
                    text: String::new(),
                })
            }
            (None, Some(mut block)) => {
                block.text += &format!("{line}\n");
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

/// Returns the links to files and headings of the project, including images.
pub(crate) fn relative_links(page: &str) -> Vec<String> {
    let links = page
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    let sources = page.split("src").skip(1).filter_map(|rest| {
        let rest = rest
            .strip_prefix("set")
            .unwrap_or(rest)
            .strip_prefix("=\"")?;
        rest.split_once('"')
    });
    let targets = links.chain(sources).map(|(target, _)| target.to_owned());
    targets.filter(|target| !target.contains("://")).collect()
}

/// Returns the headings in the form that links use.
pub(crate) fn headings(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let text = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = text
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn a_pattern_matches_a_whole_line() {
    assert!(matches("a…c…e", "abcde"));
    assert!(matches("a", "a") && !matches("a", "ab") && !matches("a…b", "abc"));
    assert!(matches("…", "") && !matches("x…", "y"));
}

#[test]
fn a_shell_block_is_run_unless_it_says_why_not() {
    let page =
        "```sh\necho a\n```\n```text\na\n```\n```sh no-run: it hangs\nb\n```\n```toml\n```\n";
    let steps = steps(page);
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].expected.as_deref(), Some("a\n"));
}

#[test]
fn a_block_with_an_unknown_label_is_rejected() {
    for page in [
        "```bash\nx\n```\n",
        "```\nx\n```\n",
        "```sh no-run: \nx\n```\n",
        "```json\n{}\n```\n",
    ] {
        assert!(std::panic::catch_unwind(|| steps(page)).is_err(), "{page}");
    }
}

#[test]
fn a_step_without_output_must_print_nothing() {
    let steps = steps("```sh\ntrue\n```\n");
    steps[0].check("page", "\n");
    assert!(std::panic::catch_unwind(|| steps[0].check("page", "x\n")).is_err());
}
