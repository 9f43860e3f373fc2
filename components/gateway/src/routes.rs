//! The routes of the gateway. It also answers 404 for every path that no service serves.

use service_kit::answer::{Prepared, PublicKeys};
use service_kit::health::{self, Report};
use service_kit::problem::{Problem, kinds};
use service_kit::routing::{Name, Routes, get};
use service_kit::{Answer, Failure, Result, Shared};

use crate::pages::{self, JsonOrPage, OpenApi, Page, STYLE_PATH, Style, WantsJson};
use crate::schemas::{Index, ProblemKind, Services};
use crate::services;

pub(crate) fn routes(routes: Routes) -> Routes {
    let health = get(health_of_all)
        .about("Reports the health of all services. 503 if one of them does not work.");
    let routes = routes
        .public(
            "/",
            get(index).about("Lists every service with its routes."),
        )
        .public("/health", health)
        .public(
            "/.well-known/jwks.json",
            get(public_keys).about("The keys that verify access tokens, as a JWK Set (RFC 7517)."),
        );
    pages(routes)
}

fn pages(routes: Routes) -> Routes {
    let problem = get(problem).about(
        "Explains a kind of problem. Browsers get a page, and clients that accept \
         `application/json` get data.",
    );
    let problems = get(problems).about("Lists the kinds of problem, in the same two forms.");
    routes
        .public(
            "/openapi.json",
            get(openapi).about("The API reference of all services, as OpenAPI 3.1."),
        )
        .public(
            "/docs",
            get(docs).about("The API reference of all services, as a page."),
        )
        .public("/problems", problems)
        .public("/problems/{name}", problem)
        .unlisted(STYLE_PATH, get(style).undocumented())
}

thread_local! {
    static DOCUMENT: Shared<OpenApi, Failure> = const { Shared::new() };
    static DOCS: Shared<Page, Failure> = const { Shared::new() };
}

async fn openapi() -> Result<OpenApi> {
    services::describe_api(&DOCUMENT, OpenApi::new).await
}

async fn docs() -> Result<Page> {
    services::describe_api(&DOCS, pages::docs).await
}

async fn problem(WantsJson(json): WantsJson, Name(name): Name) -> Result<JsonOrPage<ProblemKind>> {
    let kind = services::explain_problem(&name).await?;
    Ok(match json {
        true => JsonOrPage::Json(Answer::ok("Problem", kind)),
        false => JsonOrPage::Page(pages::problem(&kind)),
    })
}

async fn problems(WantsJson(json): WantsJson) -> Result<JsonOrPage<Vec<ProblemKind>>> {
    let kinds = services::list_problems().await?;
    Ok(match json {
        true => JsonOrPage::Json(Answer::ok("Problems", kinds)),
        false => JsonOrPage::Page(pages::problem_list(&kinds)),
    })
}

/// Only under its present name, because it may be kept for long.
async fn style(Name(name): Name) -> Result<Style> {
    match name == Style::name() {
        true => Ok(Style),
        false => Err(Problem::of(&kinds::NOT_FOUND)),
    }
}

async fn index() -> Result<Prepared<Answer<Index>>> {
    services::list_services().await
}

async fn health_of_all() -> Report<Services> {
    let (status, services) = services::check_services().await;
    health::report(status, services)
}

async fn public_keys() -> Result<PublicKeys> {
    let keys = services::fetch_public_keys().await?;
    Ok(PublicKeys(keys))
}
