package settings

import (
	"reflect"
	"slices"
)

// Default returns the settings of a user who has written none. There is no upstream.
func Default() *Settings {
	s := new(Settings)
	setDefaults(reflect.ValueOf(s).Elem(), "")
	return s
}

// setDefaults gives each field under v the default of its key.
func setDefaults(v reflect.Value, prefix string) {
	for i, f := range reflect.VisibleFields(v.Type()) {
		path := prefix + f.Tag.Get("key")
		if f.Type.Kind() == reflect.Struct {
			setDefaults(v.Field(i), path+".")
			continue
		}
		k, ok := Lookup(path)
		if !ok || f.Type.Kind() == reflect.Pointer {
			continue
		}
		if list, ok := k.Default.([]string); ok {
			v.Field(i).Set(reflect.ValueOf(slices.Clone(list)))
			continue
		}
		v.Field(i).Set(reflect.ValueOf(k.Default))
	}
}

// Clone returns a copy that shares nothing with s. Lists without elements become nil.
func (s *Settings) Clone() *Settings {
	c := *s
	c.Listen.AllowedHosts = cloneList(s.Listen.AllowedHosts)
	c.Listen.AllowedOrigins = cloneList(s.Listen.AllowedOrigins)
	c.Forward.Allow = cloneList(s.Forward.Allow)
	c.Upstreams = cloneList(s.Upstreams)
	for i := range c.Upstreams {
		c.Upstreams[i].Pool = c.Upstreams[i].Pool.clone()
	}
	c.Routes = cloneList(s.Routes)
	for i := range c.Routes {
		c.Routes[i].Upstreams = cloneList(c.Routes[i].Upstreams)
	}
	return &c
}

// cloneList copies a list; one without elements becomes nil.
func cloneList[T any](list []T) []T { return append([]T(nil), list...) }

// clone returns an override that shares no pointer with o.
func (o PoolOverride) clone() PoolOverride {
	c := o
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsNil() {
			p := reflect.New(f.Type().Elem())
			p.Elem().Set(f.Elem())
			f.Set(p)
		}
	}
	return c
}

// PoolFor returns [pool] with what the upstream has otherwise. A preset of its own replaces the
// numbers of [pool]; each key of its own wins over both.
func (s *Settings) PoolFor(u Upstream) Pool {
	p := s.Pool
	if u.Pool.Preset != nil {
		p = p.WithPreset(*u.Pool.Preset)
	}
	to, from := reflect.ValueOf(&p).Elem(), reflect.ValueOf(u.Pool)
	for i := range from.NumField() {
		if f := from.Field(i); !f.IsNil() {
			to.Field(i).Set(f.Elem())
		}
	}
	return p
}
