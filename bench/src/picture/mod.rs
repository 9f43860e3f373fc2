//! Pictures of results: SVG that follows the reader's choice of light or dark.

mod bars;
mod lines;

pub(crate) use bars::{Bar, Group, bars};
pub(crate) use lines::{Panel, panels};

/// The series' colours are Okabe and Ito's, which people with any colour vision tell apart; in dark mode
/// lighter ones of the same hues.
const STYLE: &str = "\
svg{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;color-scheme:light dark}\
.ground{fill:#fff}.ink{fill:#1f2328}.soft{fill:#59636e}.warn{fill:#b3261e;font-weight:600}.head{font-weight:600}\
.halo{paint-order:stroke;stroke:#fff;stroke-width:4;stroke-linejoin:round}\
.rule{stroke:#d1d9e0;stroke-width:1;fill:none}.limit{stroke:#b3261e;stroke-width:1;stroke-dasharray:4 4;fill:none}\
.track{fill:#f0f3f6}.line{stroke:#0072b2;stroke-width:2;fill:none}.dot{fill:#0072b2}\
.s0{fill:#0072b2}.s1{fill:#e69f00}.s2{fill:#d55e00}.s3{fill:#009e73}.s4{fill:#56b4e9}.s5{fill:#6e7781}.s6{fill:#cc79a7}\
@media(prefers-color-scheme:dark){\
.ground{fill:#0d1117}.ink{fill:#e6edf3}.soft{fill:#9198a1}.warn{fill:#ff8f87}\
.halo{stroke:#0d1117}.rule{stroke:#3d444d}.limit{stroke:#ff8f87}.track{fill:#1c2129}.line{stroke:#56b4e9}.dot{fill:#56b4e9}\
.s0{fill:#56b4e9}.s1{fill:#f0b83d}.s2{fill:#f08a4b}.s3{fill:#34c39a}.s4{fill:#9ecbea}.s5{fill:#8b949e}.s6{fill:#e39bc6}}";

/// A complete picture.
fn document(width: f64, height: f64, title: &str, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n{body}</svg>\n",
        title = escape(title)
    )
}

/// Text that begins, ends or is centred at a point: `anchor` is `start`, `end` or `middle`.
fn text(class: &str, anchor: &str, (x, y): (f64, f64), content: &str) -> String {
    let content = escape(content);
    format!(
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{content}</text>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let svg = document(
            10.0,
            10.0,
            "a \"b\"",
            &text("ink", "start", (1.0, 2.0), "<&>"),
        );
        assert!(svg.contains("aria-label=\"a &quot;b&quot;\""), "{svg}");
        assert!(svg.contains(">&lt;&amp;></text>"), "{svg}");
        assert!(svg.contains("prefers-color-scheme:dark"));
    }
}
