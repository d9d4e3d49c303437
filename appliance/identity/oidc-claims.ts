/** A person as the identity provider describes them. */
export interface Person {
  issuer: string;
  subject: string;
  /** Empty where there is none that can be relied on. */
  email: string;
  name: string;
  /** What the person likes to be called by; not unique, not to be trusted. */
  username: string;
  /** Undefined where the claim is missing. */
  groups: readonly string[] | undefined;
}

const MAX_NAME = 128;
const EMAIL = /^[^\s@\u0000-\u001f\u007f]+@[^\s@\u0000-\u001f\u007f]+$/;

const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '');

/** Reads the claims of an ID token (and UserInfo): those that the appliance uses, in its own limits. Pure. */
export function personOf(claims: Record<string, unknown>, groupsClaim: string): Person {
  const email = text(claims.email);
  // An address that its provider calls unverified may be anybody's. Many say nothing: then they vouch for it.
  const unverified = claims.email_verified === false || claims.email_verified === 'false';
  const name = text(claims.name).replaceAll(/[\u0000-\u001f\u007f]+/g, ' ');
  return {
    issuer: text(claims.iss),
    subject: String(claims.sub),
    email: EMAIL.test(email) && email.length <= 254 && !unverified ? email : '',
    name: [...name].slice(0, MAX_NAME).join(''),
    username: text(claims.preferred_username),
    groups: groupsOf(claims, groupsClaim),
  };
}

/** `groups`, `https://example.com/groups`, or `realm_access.roles` for a claim within a claim; a text is one group. */
function groupsOf(claims: Record<string, unknown>, name: string): string[] | undefined {
  const inside = (value: unknown, key: string): unknown =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string, unknown>)[key]
      : undefined;
  const value = inside(claims, name) ?? name.split('.').reduce(inside, claims as unknown);
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((group) => typeof group === 'string') : undefined;
}
