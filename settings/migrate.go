package settings

import "fmt"

// A migration brings a tree from one version to the next.
type migration struct {
	from  int
	apply func(tree map[string]any)
}

// migrations lists every step, oldest first. Version 1 is the first, so there is none yet; a change
// of form adds a line here and raises [Version].
var migrations = []migration{}

// migrate brings the tree up to the version by the steps. A file without a version is version 1.
func migrate(tree map[string]any, steps []migration, version int) *FieldError {
	raw, ok := tree["version"]
	if !ok {
		raw = int64(1)
	}
	from, ok := raw.(int64)
	switch {
	case !ok:
		return &FieldError{Path: "version", Problem: Malformed, Value: show(raw), Want: "a whole number"}
	case from < 1:
		return &FieldError{Path: "version", Problem: Outside, Value: show(raw), Want: fmt.Sprintf("1 to %d", version)}
	case from > int64(version):
		return &FieldError{Path: "version", Problem: Refused, Value: show(raw),
			Want: fmt.Sprintf("the file was written by a newer Millpond, and this one knows versions up to %d; update it, or restore the backup", version)}
	}
	for _, step := range steps {
		if int64(step.from) == from {
			step.apply(tree)
			from++
		}
	}
	tree["version"] = from
	return nil
}
