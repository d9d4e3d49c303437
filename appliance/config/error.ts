/** A setting that stops the start. The message names the setting, its value and what to write instead. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
