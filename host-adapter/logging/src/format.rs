//! How one output writes lines.

use crate::{LogFormat, json, line::Line, text};

/// How one output writes lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// An object per line.
    Json,
    /// Aligned text.
    Text {
        colour: bool,
        /// Of the column of components.
        width: usize,
    },
}

impl Format {
    /// The format of an output: `terminal` says whether it is a terminal, `colour` whether colours are
    /// welcome on one.
    pub(crate) fn choose(setting: LogFormat, terminal: bool, colour: bool, width: usize) -> Self {
        let is_text = match setting {
            LogFormat::Auto => terminal,
            LogFormat::Text => true,
            LogFormat::Json => false,
        };
        if !is_text {
            return Self::Json;
        }
        let colour = terminal && colour;
        Self::Text { colour, width }
    }

    /// Appends `line` and a newline.
    pub(crate) fn push(self, out: &mut String, line: &Line) {
        match self {
            Self::Json => json::push(out, line),
            Self::Text { colour, width } => text::push(out, line, colour, width),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_text_and_colours_unless_told_otherwise() {
        let choose = |setting, terminal, colour| Format::choose(setting, terminal, colour, 4);
        let text = |colour| Format::Text { colour, width: 4 };
        assert_eq!(choose(LogFormat::Auto, true, true), text(true));
        assert_eq!(choose(LogFormat::Auto, true, false), text(false));
        assert_eq!(choose(LogFormat::Auto, false, true), Format::Json);
        assert_eq!(choose(LogFormat::Text, false, true), text(false));
        assert_eq!(choose(LogFormat::Text, true, true), text(true));
        assert_eq!(choose(LogFormat::Json, true, true), Format::Json);
    }
}
