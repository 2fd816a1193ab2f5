//! The description of the API, from the handlers and the route table.

use utoipa::{
    OpenApi as _,
    openapi::{
        Components, ContentBuilder, InfoBuilder, License, ObjectBuilder, OpenApi, Ref, RefOr, Required,
        Response, ResponseBuilder, Schema, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
        tag::Tag,
    },
};

use crate::{
    problem::{FieldOut, ProblemOut},
    routes::{Operations, ROUTES, Route},
};

const DESCRIPTION: &str = "\
The API of Steelyard, the commercial back office of a company.

**Keys.** Every call carries an API key of one environment: `Authorization: Bearer sk_…`. What another \
environment owns does not exist for it.

**Changing.** A PATCH changes what it names: what is left out stays, `null` takes away.

**Repeating.** A change may carry an `Idempotency-Key`. Sent again with the same key and body it changes nothing \
and hears the same answer, with `Idempotency-Replayed: true`; with another body it is refused (409). Keys are \
kept for 30 days. Refused requests are not kept.

**Reasons.** A change may carry `Steelyard-Reason`, a code such as `customer_request` that goes into its facts.

**Lists** come in pages, newest first: `limit`, and `after` with the `next` of the page before.

**Values.** Amounts are minor units with their currency; unit prices are decimal text; instants are RFC 3339 in \
UTC; periods run from their start up to and without their end.

**Problems** are `application/problem+json` (RFC 9457) with a stable `code`. Every answer carries a `Request-Id`.";

const TAGS: &[(&str, &str)] = &[
    ("Environment", "Where a key leads, and who issues documents there."),
    ("Customers", "The organisations that buy."),
    ("Price book", "Plans, prices and features, in versions that never change."),
    ("Subscriptions", "What customers subscribe to."),
    ("Features", "What customers may use and why, overrides, and flags."),
    ("Usage", "What was measured, and what it comes to."),
    ("Coupons", "What takes something off, and who redeemed it."),
    ("Bill runs", "What was billed in one go, and what lies ahead."),
    ("Invoices", "What they are charged, and why."),
    ("Payments", "Money that came, and what it paid."),
    ("Credit notes", "What was billed and is no longer owed, and why."),
    ("Ledger", "All money, as double-entry postings."),
    ("Facts", "What happened, in order: the audit log and the feed."),
    ("Jobs", "Work in the background."),
    ("Sandbox", "The clock of a sandbox."),
];

/// The description of the whole API, as OpenAPI 3.1.
pub fn openapi() -> OpenApi {
    let mut document = Operations::openapi();
    document.info = InfoBuilder::new()
        .title("Steelyard")
        .version("1")
        .description(Some(DESCRIPTION))
        .license(Some(License::new("Apache-2.0")))
        .build();
    document.tags = Some(TAGS.iter().map(|(name, about)| tag(name, about)).collect());
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme("key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components.schemas.extend([schema::<ProblemOut>(), schema::<FieldOut>()]);
    for route in ROUTES {
        if let Some(operation) =
            document.paths.paths.get_mut(route.path).and_then(|item| operation(item, route))
        {
            complete(operation, route);
        }
    }
    document
}

fn tag(name: &str, about: &str) -> Tag {
    let mut tag = Tag::new(name);
    tag.description = Some(about.to_owned());
    tag
}

fn schema<T: utoipa::ToSchema>() -> (String, RefOr<Schema>) {
    (T::name().into_owned(), T::schema())
}

fn operation<'a>(item: &'a mut PathItem, route: &Route) -> Option<&'a mut Operation> {
    match route.method {
        "GET" => item.get.as_mut(),
        "PUT" => item.put.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => item.post.as_mut(),
    }
}

/// Add what is the same for every operation: its name, its permission, the headers and the refusals.
fn complete(operation: &mut Operation, route: &Route) {
    operation.operation_id = Some(route.name.to_owned());
    operation.security = Some(vec![SecurityRequirement::new::<_, _, &str>("key", [])]);
    let needs = needs(route);
    operation.description = Some(match operation.description.take() {
        Some(said) => format!("{said}\n\n{needs}"),
        None => needs,
    });
    let sends = route.method != "GET";
    if route.changes() {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.push(
            header("Idempotency-Key", "1 to 255 visible ASCII characters; a UUID is a good one.").into(),
        );
        parameters.push(header("Steelyard-Reason", "Why, as a code: `customer_request`.").into());
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = succeeded(status).to_owned();
        }
    }
    for (status, said, applies) in [
        ("400", "The request cannot be read.", sends),
        ("401", "No key, or an unknown one.", true),
        ("403", "The key lacks the permission.", route.permission.is_some()),
        ("404", "There is no such thing in this environment.", route.path.contains('{')),
        ("409", "The state of things does not allow it.", sends),
        ("413", "The body is larger than 1 MiB.", sends),
        ("422", "Something in the request is wrong; `errors` says where.", true),
        ("500", "A fault of ours. Tell us the `Request-Id`.", true),
        ("503", "Not now. Try again after `Retry-After` seconds.", true),
    ] {
        if applies {
            operation.responses.responses.entry(status.to_owned()).or_insert_with(|| refusal(said).into());
        }
    }
}

/// The description a response must have, for those whose body says everything.
fn succeeded(status: &str) -> &'static str {
    match status {
        "201" => "It was created.",
        "202" => "It is under way.",
        _ => "Here it is.",
    }
}

/// What a key must be allowed, in words.
fn needs(route: &Route) -> String {
    let Some(permission) = route.permission else { return "Any key will do.".to_owned() };
    let also = route.also.map(|also| format!("; `{}` as well for the fields that say so", also.word()));
    format!("Permission: `{}`{}.", permission.word(), also.unwrap_or_default())
}

fn refusal(said: &str) -> Response {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(said).content("application/problem+json", problem).build()
}

fn header(name: &str, about: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build()
}
