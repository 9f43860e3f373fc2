//! What the host measures.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError, RwLock},
    time::Duration,
};

use adapter_telemetry::metrics::{
    Counter, Durations, Family, Gauge, Histogram, Labels, durations, labels, register,
    register_seconds,
};
use http::{HeaderName, Method, StatusCode, header::HeaderValue};

/// The response header with the route that a component has matched, such as `/users/{id}`. The host
/// removes it.
pub(crate) const ROUTE: HeaderName = HeaderName::from_static("x-spindle-route");

/// Routes of one component that are counted separately, on all listeners and threads together. A component
/// that invents routes must not fill the memory.
const MAX_ROUTES: usize = 200;

/// The routes of each component. A swapped component keeps those of its predecessor, because their
/// metrics stay as well.
static ROUTES: LazyLock<Mutex<HashMap<Arc<str>, Arc<Routes>>>> = LazyLock::new(Mutex::default);

type Routes = RwLock<HashMap<Arc<str>, Arc<Route>>>;

/// A route of a component, and the durations of its requests.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    /// By method and status, so that a request does not look up four labels in the family that all requests
    /// share. A route has few of them, so a list is searched faster than a map.
    durations: RwLock<Vec<(&'static str, StatusCode, Histogram)>>,
}

/// The value of a label that is not known, or that is one too many: OpenTelemetry's name for it.
const OTHER: &str = "_OTHER";

/// The families of the component host.
static FAMILIES: LazyLock<Families> = LazyLock::new(Families::register);

struct Families {
    requests: Durations<Labels<4>>,
    active: Family<Labels<1>, Gauge>,
    rejected: Family<Labels<2>, Counter>,
    instances: Family<Labels<1>, Gauge>,
    created: Family<Labels<1>, Counter>,
    reused: Family<Labels<1>, Counter>,
    trapped: Family<Labels<1>, Counter>,
}

/// The metrics of one component.
#[derive(Debug)]
pub(crate) struct ComponentMetrics {
    component: Arc<str>,
    /// Requests in flight.
    pub(crate) active: Gauge,
    /// Instances that are alive.
    pub(crate) instances: Gauge,
    /// Instances that were created.
    pub(crate) created: Counter,
    /// Requests that an instance handled after its first one.
    pub(crate) reused: Counter,
    /// Instances that ended with an error.
    pub(crate) trapped: Counter,
    routes: Arc<Routes>,
    /// The route of requests whose route is not known.
    other: Arc<Route>,
}

impl ComponentMetrics {
    pub(crate) fn new(component: &Arc<str>) -> Self {
        let labels = labels([("component", component.into())]);
        Self {
            component: component.clone(),
            active: FAMILIES.active.get_or_create_owned(&labels),
            instances: FAMILIES.instances.get_or_create_owned(&labels),
            created: FAMILIES.created.get_or_create_owned(&labels),
            reused: FAMILIES.reused.get_or_create_owned(&labels),
            trapped: FAMILIES.trapped.get_or_create_owned(&labels),
            routes: routes_of(component),
            other: Arc::new(Route::new(OTHER.into())),
        }
    }

    /// Counts an answered request.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: &Route,
        status: StatusCode,
        duration: Duration,
    ) {
        let method = known(method);
        let histogram = route.find(method, status).unwrap_or_else(|| {
            let histogram = self.durations(method, route, status);
            route.keep(method, status, histogram.clone());
            histogram
        });
        histogram.observe(duration.as_secs_f64());
    }

    fn durations(&self, method: &'static str, route: &Route, status: StatusCode) -> Histogram {
        FAMILIES.requests.get_or_create_owned(&labels([
            ("component", (&self.component).into()),
            ("http_request_method", method.into()),
            ("http_route", (&route.name).into()),
            (
                "http_response_status_code",
                status.as_str().to_owned().into(),
            ),
        ]))
    }

    /// The route that a component names. `header` is the value of [`ROUTE`].
    pub(crate) fn route(&self, header: Option<&HeaderValue>) -> Arc<Route> {
        let Some(route) = header.and_then(|route| route.to_str().ok()) else {
            return self.other.clone();
        };
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let found = routes.get(route).cloned();
        drop(routes);
        found.unwrap_or_else(|| self.new_route(route))
    }

    fn new_route(&self, name: &str) -> Arc<Route> {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have added it.
        if let Some(known) = routes.get(name) {
            return known.clone();
        }
        if routes.len() >= MAX_ROUTES {
            return self.other.clone();
        }
        let new = Arc::new(Route::new(name.into()));
        routes.insert(new.name.clone(), new.clone());
        new
    }
}

impl Route {
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            durations: RwLock::default(),
        }
    }

    fn find(&self, method: &'static str, status: StatusCode) -> Option<Histogram> {
        let durations = self
            .durations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut durations = durations.iter();
        let found = durations.find(|known| known.0 == method && known.1 == status);
        found.map(|(_, _, histogram)| histogram.clone())
    }

    /// Two threads may keep the same histogram, which does no harm.
    fn keep(&self, method: &'static str, status: StatusCode, histogram: Histogram) {
        let mut durations = self
            .durations
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        durations.push((method, status, histogram));
    }
}

fn routes_of(component: &Arc<str>) -> Arc<Routes> {
    let mut routes = ROUTES.lock().unwrap_or_else(PoisonError::into_inner);
    routes.entry(component.clone()).or_default().clone()
}

/// Counts a request that the host answered itself. `component` is `_OTHER` if no route matched.
pub(crate) fn rejected(component: Option<&Arc<str>>, reason: &'static str) {
    let component = component.map_or(OTHER.into(), Into::into);
    let labels = labels([("component", component), ("reason", reason.into())]);
    FAMILIES.rejected.get_or_create(&labels).inc();
}

/// The methods that OpenTelemetry names. A client can invent others.
pub(crate) fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => OTHER,
    }
}

impl Families {
    fn register() -> Self {
        Self {
            requests: register_seconds(
                "http_server_request_duration",
                "Time from a request's head to its answer's head",
                durations(),
            ),
            active: register(
                "http_server_active_requests",
                "Requests in flight",
                Family::default(),
            ),
            rejected: register(
                "spindle_http_rejected_requests",
                "Requests that the host answered itself",
                Family::default(),
            ),
            instances: register(
                "spindle_component_instances",
                "Instances that are alive",
                Family::default(),
            ),
            created: register(
                "spindle_component_instances_created",
                "Instances that were created",
                Family::default(),
            ),
            reused: register(
                "spindle_component_instances_reused",
                "Requests that an instance handled after its first one",
                Family::default(),
            ),
            trapped: register(
                "spindle_component_instances_trapped",
                "Instances that ended with an error",
                Family::default(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_has_a_limited_number_of_routes() {
        let threads = [(); 3].map(|()| ComponentMetrics::new(&"inventive".into()));
        let route = |number: usize| {
            let header = HeaderValue::from_str(&format!("/{number}")).expect("a header");
            let metrics = threads.get(number % 3).expect("a thread");
            metrics.route(Some(&header)).name.to_string()
        };
        assert_eq!(route(0), "/0");
        for number in 1..MAX_ROUTES + 10 {
            route(number);
        }
        assert_eq!(route(0), "/0");
        assert_eq!(route(MAX_ROUTES + 3), OTHER);
        let [first, ..] = &threads;
        assert_eq!(first.routes.read().expect("a lock").len(), MAX_ROUTES);
        assert_eq!(&*first.route(None).name, OTHER);
    }
}
