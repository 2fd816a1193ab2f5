//! A member of a merchant's staff at work in one environment.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use axum::{
    extract::{FromRequestParts, RawPathParams, Request, State},
    http::request::Parts,
    middleware::Next,
    response::IntoResponse,
};
use identity::{
    Environment, LegalEntity, Merchant, environment, merchant, permission::Grant, user, user::Role,
};
use jiff::Timestamp;
use kernel::{Error, Id, IdKind, Kind, Result, Zone};
use maud::Markup;
use store::{Actor, Mode, Scope, View, clock, clock::Standing};

use super::{Access, Answer, Failure, Session, failure};
use crate::{App, show, ui};

/// Everything a page of an environment needs to know.
pub(crate) struct Desk {
    pub(crate) session: Session,
    pub(crate) merchant: Merchant,
    pub(crate) environment: Environment,
    pub(crate) role: Role,
    /// `/merchant/environment`: what every address of it begins with.
    pub(crate) base: String,
    /// Its legal entities, oldest first.
    pub(crate) entities: Vec<LegalEntity>,
    /// Where the clock of a sandbox stands.
    pub(crate) clock: Option<Standing>,
    /// Business time when the request came.
    pub(crate) now: Timestamp,
    /// In which instants are shown: the first legal entity's, or UTC.
    pub(crate) zone: Zone,
    access: Access,
}

impl Deref for Desk {
    type Target = Access;
    fn deref(&self) -> &Access {
        &self.access
    }
}

/// What a page is called and where in the house it is.
#[derive(Clone, Copy)]
pub(crate) struct Sheet<'a> {
    pub(crate) title: &'a str,
    pub(crate) section: Option<ui::Section>,
    pub(crate) crumbs: &'a [ui::Crumb<'a>],
}

impl<'a> Sheet<'a> {
    /// A page of this section.
    pub(crate) const fn new(section: ui::Section, title: &'a str) -> Self {
        Self { title, section: Some(section), crumbs: &[] }
    }

    /// The same, reached by this way.
    pub(crate) const fn below(self, crumbs: &'a [ui::Crumb<'a>]) -> Self {
        Self { crumbs, ..self }
    }
}

impl Desk {
    async fn open(app: &App, session: Session, names: [String; 2]) -> Answer<Self> {
        let user = session.user.id;
        let place =
            app.db.read(&Scope::installation("environment of a page"), move |view| find(view, user, &names));
        // Somebody else's looks like none at all.
        let (merchant, environment, role) = place.await?.ok_or_else(|| Error::not_found("page"))?;
        let scope = Scope::environment(environment.id, environment.mode, Actor::User(user));
        let state =
            app.db.read(&scope, |view| Ok((environment::entities(view)?, clock::read(view)?, view.now())));
        let (entities, clock, now) = state.await?;
        Ok(Self {
            base: format!("/{}/{}", merchant.slug, environment.slug),
            zone: entities.first().map_or_else(Zone::utc, |entity| entity.zone.clone()),
            access: Access::new(app.db.clone(), scope),
            session,
            merchant,
            environment,
            role,
            entities,
            clock,
            now,
        })
    }

    /// Whether this person may do that, to offer it or not.
    pub(crate) fn may<P: Grant>(&self) -> bool {
        self.role.permissions().allow(P::PERMISSION)
    }

    /// Errors: `permission_missing`, for anybody but an owner.
    pub(crate) fn as_owner(&self) -> Result<()> {
        match self.role {
            Role::Owner => Ok(()),
            Role::Viewer => Err(Error::new(
                Kind::Forbidden,
                "permission_missing",
                "Only an owner of this merchant may do this.",
            )),
        }
    }

    /// An address in this environment: `path` begins with a slash.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The token of this session's forms.
    pub(crate) fn csrf(&self) -> &str {
        &self.session.csrf
    }

    /// An instant as this environment shows it.
    pub(crate) fn time(&self, at: Timestamp) -> Markup {
        show::time(at, &self.zone)
    }

    /// A whole page.
    pub(crate) fn page(&self, sheet: Sheet<'_>, body: Markup) -> Markup {
        let clock = self.clock.map(|standing| show::instant(standing.at, &self.zone));
        let (name, mover) = (show::sentence(&self.environment.slug), self.at("/clock"));
        let frame = ui::Frame {
            title: sheet.title,
            merchant: &self.merchant.name,
            environment: ui::Environment {
                name: &name,
                href: "/environments",
                sandbox: clock.as_deref().map(|clock| ui::Sandbox { clock, href: &mover }),
            },
            base: &self.base,
            active: sheet.section,
            account: Some(ui::Account {
                name: &self.session.user.email,
                role: role(self.role),
                sign_out: "/sign-out",
                csrf: self.csrf(),
            }),
            crumbs: sheet.crumbs,
        };
        ui::page(&frame, body)
    }

    fn is_sandbox(&self) -> bool {
        self.environment.mode == Mode::Sandbox
    }

    /// Errors: `not_found` in a live environment.
    pub(crate) fn sandbox_clock(&self) -> Result<Standing> {
        self.clock.filter(|_| self.is_sandbox()).ok_or_else(|| Error::not_found("page"))
    }
}

fn find(
    view: &mut View<'_>,
    user: kernel::ids::UserId,
    [merchant, environment]: &[String; 2],
) -> Result<Option<(Merchant, Environment, Role)>> {
    let Some(merchant) = merchant::by_slug(view, merchant)? else { return Ok(None) };
    let Some(role) = user::role(view, user, merchant.id)? else { return Ok(None) };
    let environment = environment::by_slug(view, merchant.id, environment)?;
    Ok(environment.map(|environment| (merchant, environment, role)))
}

/// The name of a role.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Viewer => "Viewer",
    }
}

/// Finds out who is at which desk, and puts that desk's frame around errors.
pub(crate) async fn enter(State(app): State<App>, session: Session, request: Request, next: Next) -> Answer {
    let (mut parts, body) = request.into_parts();
    let names = place(&mut parts).await?;
    let desk = Arc::new(Desk::open(&app, session, names).await?);
    parts.extensions.insert(Arc::clone(&desk));
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(failure::Told(error)) = response.extensions().get() else { return Ok(response) };
    let (title, body) = failure::body(error);
    let page = desk.page(Sheet { title, section: None, crumbs: &[] }, body);
    let mut framed = (response.status(), page).into_response();
    if let Some(later) = response.headers().get(axum::http::header::RETRY_AFTER) {
        framed.headers_mut().insert(axum::http::header::RETRY_AFTER, later.clone());
    }
    Ok(framed)
}

async fn place(parts: &mut Parts) -> Answer<[String; 2]> {
    Ok([parameter(parts, "merchant").await?, parameter(parts, "environment").await?])
}

/// A part of the address. What cannot be read is not there.
async fn parameter(parts: &mut Parts, wanted: &str) -> Result<String> {
    let missing = || Error::not_found("page");
    let all = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| missing())?;
    all.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned()).ok_or_else(missing)
}

/// Any member of the staff.
pub(crate) struct Member(Arc<Desk>);

impl Deref for Member {
    type Target = Desk;
    fn deref(&self) -> &Desk {
        &self.0
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Answer<Self> {
        let desk = parts.extensions.get::<Arc<Desk>>();
        Ok(Self(Arc::clone(desk.ok_or_else(|| Error::internal("a page of an environment has no desk"))?)))
    }
}

/// A member of the staff who may do `P`.
pub(crate) struct Staff<P>(Arc<Desk>, PhantomData<fn() -> P>);

impl<P> Deref for Staff<P> {
    type Target = Desk;
    fn deref(&self) -> &Desk {
        &self.0
    }
}

impl<P: Grant> FromRequestParts<App> for Staff<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let Member(desk) = Member::from_request_parts(parts, app).await?;
        desk.role.permissions().require(P::PERMISSION)?;
        Ok(Self(desk, PhantomData))
    }
}

/// The id in the address. A misspelt one names nothing.
pub(crate) struct Named<K>(pub(crate) Id<K>);

impl<K: IdKind> FromRequestParts<App> for Named<K> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Answer<Self> {
        let text = parameter(parts, "id").await?;
        Ok(Self(text.parse().map_err(|_| Error::not_found(K::NOUN))?))
    }
}
