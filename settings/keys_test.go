package settings

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// fieldsOf returns the type of each scalar field by its path in the table.
func fieldsOf(t reflect.Type, prefix string) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		path := prefix + f.Tag.Get("key")
		inner := map[string]reflect.Type{path: f.Type}
		switch {
		case f.Type == reflect.TypeFor[PoolOverride]():
			inner = nil // its keys are those of [pool]: TestOverrideHasThePoolsFields
		case f.Type.Kind() == reflect.Struct:
			inner = fieldsOf(f.Type, path+".")
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			inner = fieldsOf(f.Type.Elem(), path+"[].")
		}
		for p, t := range inner {
			fields[p] = t
		}
	}
	return fields
}

func TestTableAndStructHaveTheSameKeys(t *testing.T) {
	fields := fieldsOf(reflect.TypeFor[Settings](), "")
	declared := map[string]bool{}
	for _, k := range Keys() {
		if declared[k.Path] {
			t.Errorf("%s stands in the table twice", k.Path)
		}
		declared[k.Path] = true
		if got, want := reflect.TypeOf(k.Default), fields[k.Path]; got != want {
			t.Errorf("%s: the default is a %v; the field is a %v", k.Path, got, want)
		}
	}
	for path := range fields {
		if !declared[path] {
			t.Errorf("%s: the field has no line in the table", path)
		}
	}
}

func TestOverrideHasThePoolsFields(t *testing.T) {
	pool, override := reflect.TypeFor[Pool](), reflect.TypeFor[PoolOverride]()
	if got, want := override.NumField(), pool.NumField(); got != want {
		t.Fatalf("PoolOverride has %d fields; want %d", got, want)
	}
	for i, f := range reflect.VisibleFields(pool) {
		o := override.Field(i)
		if o.Name != f.Name || o.Tag != f.Tag || o.Type != reflect.PointerTo(f.Type) {
			t.Errorf("field %d is %s %v; want %s *%v", i, o.Name, o.Type, f.Name, f.Type)
		}
	}
}

func TestEveryKeyIsDeclaredWhole(t *testing.T) {
	for _, k := range Keys() {
		t.Run(k.Path, func(t *testing.T) {
			if k.Help == "" || strings.HasSuffix(k.Help, ".") || strings.Contains(k.Help, "\n") {
				t.Errorf("help = %q; want one line without a full stop", k.Help)
			}
			if got, want := k.Locale(), "settings."; !strings.HasPrefix(got, want) || strings.Contains(got, "[") {
				t.Errorf("locale key = %q", got)
			}
			switch k.Default.(type) {
			case int, Warm, float64, time.Duration:
				if k.Min >= k.Max && k.Path != "version" {
					t.Errorf("bounds are %d to %d", k.Min, k.Max)
				}
			default:
				if k.Min != 0 || k.Max != 0 || k.Unit != "" {
					t.Errorf("a %T has bounds or a unit", k.Default)
				}
			}
			text := reflect.ValueOf(k.Default)
			enumerated := text.Kind() == reflect.String && text.Type() != reflect.TypeFor[string]()
			if got, want := k.Allowed != nil, enumerated; got != want {
				t.Errorf("has allowed values = %v; want %v", got, want)
			}
			if found, ok := Lookup(k.Path); !ok || found.Path != k.Path {
				t.Errorf("Lookup finds %q", found.Path)
			}
		})
	}
}

func TestKeysAreInTheOrderOfTheirSections(t *testing.T) {
	done := map[string]bool{}
	last := ""
	for _, k := range Keys() {
		if s := k.Section(); s != last {
			done[last], last = true, s
			if done[s] {
				t.Errorf("%s: the section %q is in two places of the table", k.Path, s)
			}
		}
	}
}

func TestLookup(t *testing.T) {
	tests := []struct{ path, want string }{
		{"pool.max_idle", "pool.max_idle"},
		{"upstreams[3].url", "upstreams[].url"},
		{"upstreams[relay.two].url", "upstreams[].url"},
		{"upstreams[3].pool.max_idle", "pool.max_idle"},
		{"upstreams[].pool.warm", "pool.warm"},
		{"max_idle", ""},
		{"pool", ""},
		{"upstreams[0].pool.listen.address", ""},
		{"upstreams[0", ""},
		{"", ""},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			k, ok := Lookup(test.path)
			if k.Path != test.want || ok != (test.want != "") {
				t.Errorf("got %q, %v; want %q", k.Path, ok, test.want)
			}
		})
	}
}
