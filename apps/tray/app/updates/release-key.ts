/** Written into the app as it is built, from the environment's `GATEHOUSE_UPDATE_KEY` and `GATEHOUSE_UPDATE_FEED`. */
declare const __GATEHOUSE_UPDATE_KEY__: string | undefined;
declare const __GATEHOUSE_UPDATE_FEED__: string | undefined;

/** Public keys of releases, empty in a build without one: it takes no updates. */
export const RELEASE_KEYS = typeof __GATEHOUSE_UPDATE_KEY__ === 'string' ? __GATEHOUSE_UPDATE_KEY__ : '';

/** Where updates come from; empty: `/updates` of the controller. */
export const RELEASE_FEED = typeof __GATEHOUSE_UPDATE_FEED__ === 'string' ? __GATEHOUSE_UPDATE_FEED__ : '';
