package store

import (
	"errors"
	"runtime"
	"slices"
	"strings"

	"millpond/settings"
)

// prefix begins every environment variable that is ours.
const prefix = "MILLPOND_"

// others lists our variables that are not settings.
var others = []string{"MILLPOND_CONFIG", "MILLPOND_CONTROL", "MILLPOND_PUBLIC", "MILLPOND_STATE"}

// Variable returns the environment variable that overrides a key, MILLPOND_POOL_MAX_IDLE for
// pool.max_idle; "" for the version and for the keys of upstreams and routes, which none overrides.
func Variable(k settings.Key) string {
	if k.Path == "version" || strings.Contains(k.Path, "[]") {
		return ""
	}
	return prefix + strings.ToUpper(strings.ReplaceAll(k.Path, ".", "_"))
}

// Getenv returns a variable from a list of NAME=VALUE, "" when it is not there; the last one counts, as in
// os/exec. Windows knows no case in names: the list has APPDATA and Path.
func Getenv(environ []string, name string) string { return lookUp(runtime.GOOS, environ, name) }

// lookUp is Getenv on the named system.
func lookUp(goos string, environ []string, name string) string {
	for _, entry := range slices.Backward(environ) {
		key, value, ok := strings.Cut(entry, "=")
		if ok && (key == name || goos == "windows" && strings.EqualFold(key, name)) {
			return value
		}
	}
	return ""
}

// environment is what our variables say.
type environment struct {
	values  map[string]any    // plain values by path
	sources map[string]string // variables by path
	names   []string          // of ours that override no setting
	err     error             // those of the wrong type
}

// readEnvironment reads our variables from a list of NAME=VALUE. One without a value counts as unset,
// as service managers write it.
func readEnvironment(environ []string) environment {
	env := environment{values: map[string]any{}, sources: map[string]string{}}
	keys := map[string]settings.Key{}
	for _, k := range settings.Keys() {
		if name := Variable(k); name != "" {
			keys[name] = k
		}
	}
	var errs []error
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || text == "" || slices.Contains(others, name) {
			continue
		}
		k, ok := keys[name]
		if !ok {
			env.names = append(env.names, name)
			continue
		}
		env.sources[k.Path] = name
		value, err := k.Parse(text)
		if err != nil {
			errs = append(errs, env.attribute(err))
			continue
		}
		env.values[k.Path] = value
	}
	env.err = errors.Join(errs...)
	return env
}

// attribute names the variable in each field error that one caused.
func (env environment) attribute(err error) error {
	for _, e := range settings.FieldErrors(err) {
		path, _, _ := strings.Cut(e.Path, "[") // an element of a list
		e.Source = env.sources[path]
	}
	return err
}

// unknown warns of our variables that do nothing. They are not refused: a name such as
// MILLPOND_API_KEY is a natural one for a secret, and a stray variable of the session must not keep
// the daemon from starting. Those that the settings refer to are known.
func (env environment) unknown(s *settings.Settings) []string {
	references := s.Listen.Token
	for _, u := range s.Upstreams {
		references += "\n" + u.Credential + "\n" + u.Egress
	}
	var known []string
	for _, k := range settings.Keys() {
		known = append(known, Variable(k))
	}
	var warnings []string
	for _, name := range env.names {
		if strings.Contains(references, "env:"+name) {
			continue
		}
		warning := name + ": no such setting, so this variable does nothing"
		if near := settings.Nearest(name, known); near != "" {
			warning += "; did you mean " + near + "?"
		}
		warnings = append(warnings, warning)
	}
	return warnings
}
