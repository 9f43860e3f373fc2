//! Finds the component for a path with the crate that Spin uses: an exact route wins over wildcards,
//! and a longer wildcard wins over a shorter one.

use super::manifest::{Manifest, ManifestError, Route};

/// The routes of an application, each with the index of its component.
#[derive(Debug)]
pub(super) struct Router(routefinder::Router<usize>);

impl Router {
    /// `number` returns the index of a component by its id.
    pub(super) fn new(
        manifest: &Manifest,
        routes: &[Route],
        number: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, ManifestError> {
        let mut router = routefinder::Router::new();
        for route in routes {
            let path = route.pattern.strip_suffix("/...").unwrap_or(&route.pattern);
            // routefinder 0.5 sorts routes with dots inconsistently, and then misses other routes.
            if path.contains('.') {
                return Err(manifest.invalid(format!(
                    "route `{}` contains a dot, which Spin's router does not handle; use a path without dots",
                    route.pattern
                )));
            }
            let wildcard = if path.len() == route.pattern.len() {
                ""
            } else {
                "/*"
            };
            let pattern = format!("{path}{wildcard}");
            let handler = number(&route.component).ok_or_else(|| {
                manifest.invalid(format!("component `{}` is not defined", route.component))
            })?;
            router
                .add(pattern, handler)
                .map_err(|error| manifest.invalid(format!("route `{}`: {error}", route.pattern)))?;
        }
        Ok(Self(router))
    }

    /// The index of the component for `path`.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.0.best_match(path).map(|found| *found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_route_wins() {
        let mut router = routefinder::Router::new();
        for (number, pattern) in ["/*", "/api/users/*", "/api/*", "/health"]
            .into_iter()
            .enumerate()
        {
            router.add(pattern, number).expect(pattern);
        }
        let router = Router(router);
        for (path, number) in [
            ("/", 0),
            ("/else", 0),
            ("/api/users/7/x", 1),
            ("/api/users", 1),
            ("/api/other", 2),
            ("/health", 3),
            ("/health/x", 0),
        ] {
            assert_eq!(router.find(path), Some(number), "{path}");
        }
    }
}
