//! How one output writes lines.

use crate::{
    LogFormat, json,
    line::Line,
    text::{self, Style},
};

/// How one output writes lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// An object per line.
    Json,
    /// Aligned text.
    Text(Style),
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
        Self::Text(Style {
            colour: terminal && colour,
            date: !terminal,
            width,
        })
    }

    /// Appends `line` and a newline.
    pub(crate) fn push(self, out: &mut String, line: &Line) {
        match self {
            Self::Json => json::push(out, line),
            Self::Text(style) => text::push(out, line, style),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_text_and_colours_unless_told_otherwise() {
        let choose = |setting, terminal, colour| Format::choose(setting, terminal, colour, 4);
        let text = |colour, date| {
            Format::Text(Style {
                colour,
                date,
                width: 4,
            })
        };
        assert_eq!(choose(LogFormat::Auto, true, true), text(true, false));
        assert_eq!(choose(LogFormat::Auto, true, false), text(false, false));
        assert_eq!(choose(LogFormat::Auto, false, true), Format::Json);
        assert_eq!(choose(LogFormat::Text, false, true), text(false, true));
        assert_eq!(choose(LogFormat::Text, true, true), text(true, false));
        assert_eq!(choose(LogFormat::Json, true, true), Format::Json);
    }
}
