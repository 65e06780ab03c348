package config

import "flag"

// Flags adds the flags of a configuration. The result loads the file and applies the others.
func Flags(set *flag.FlagSet) (load func() (Settings, error)) {
	file := set.String("config.file", "", "the configuration `file`, in YAML")
	overrides := map[string]string{}
	for key, help := range map[string]string{
		"upstream.url": "the provider's `origin`, such as http://127.0.0.1:3000, or unix:/path",
		"listen":       "the `address` for clients, host:port or unix:/path",
		"admin.listen": "the `address` of metrics and health, host:port or unix:/path",
		"log.level":    "the `level`: debug, info, warn or error",
		"log.format":   "the `format`: json or text",
	} {
		set.Func(key, help+"; overrides the configuration file", func(value string) error {
			overrides[key] = value
			return nil
		})
	}
	return func() (Settings, error) {
		if *file == "" && overrides["upstream.url"] == "" {
			return Settings{}, Errors{{Flag: true, Key: "upstream.url",
				Message: "is required: the provider's origin, such as http://127.0.0.1:3000; or name a configuration file with --config.file"}}
		}
		return Load(*file, overrides)
	}
}

// OfFlags reports whether all errors are of values of flags.
func (l Errors) OfFlags() bool {
	for _, e := range l {
		if !e.Flag {
			return false
		}
	}
	return len(l) > 0
}
