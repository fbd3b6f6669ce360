package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// tree returns the commands that help shows, by what a person types after the program's name.
func tree() (root *cobra.Command, commands map[string]*cobra.Command) {
	a := &app{std: streams{strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}}}
	root, commands = a.command(), map[string]*cobra.Command{}
	eachCommand(root, func(c *cobra.Command) {
		if c != root && (c.IsAvailableCommand() || c.Name() == "help") {
			commands[strings.TrimPrefix(c.CommandPath(), "millpondd ")] = c
		}
	})
	return root, commands
}

// Every command has a line of help in the manner of the others, and its flags too.
func TestHelpReadsWell(t *testing.T) {
	root, commands := tree()
	for path, c := range commands {
		switch foreign := strings.HasPrefix(path, "completion") || path == "help"; {
		case c.Short == "" || strings.HasSuffix(c.Short, ".") || len(c.Short) > 100:
			t.Errorf("%s: got %q; want a line without a stop", path, c.Short)
		case foreign:
			continue
		case c.Long != "" && !strings.HasSuffix(c.Long, ".") && !strings.Contains(c.Long, "\n    "):
			t.Errorf("%s: got a text that ends in %q; want a sentence", path, c.Long[max(0, len(c.Long)-20):])
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  millpondd "+strings.Fields(path)[0]) {
				t.Errorf("%s: got the example %q; want one of this command", path, line)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s: got %q; want a phrase without a stop", path, f.Name, f.Usage)
			}
		})
	}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.GroupID == "" {
			t.Errorf("%s: is in no group of the help; add it to commandGroups", c.Name())
		}
	}
}

// Examples are command lines that the program takes.
func TestExamples(t *testing.T) {
	root, commands := tree()
	commands[""] = root
	for path, c := range commands {
		if strings.HasPrefix(path, "completion") {
			continue // cobra's own
		}
		for line := range strings.Lines(c.Example) {
			line, _, _ = strings.Cut(line, "#")
			line, _, _ = strings.Cut(line, "|")
			line, _, _ = strings.Cut(line, ">")
			fields := strings.Fields(strings.ReplaceAll(line, "'", ""))
			named, args, err := root.Find(fields[1:])
			if err == nil {
				err = named.ParseFlags(args)
			}
			if err == nil {
				err = named.ValidateArgs(named.Flags().Args())
			}
			if err != nil || named == root {
				t.Errorf("%s: got %v for the example %q", path, err, line)
			}
		}
	}
}

// The manual has a page for every command with every flag in it, which the system's man formats
// without a complaint, and the same bytes each time.
func TestManual(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	environ := append(person(t), "SOURCE_DATE_EPOCH=1700000000")
	for _, folder := range []string{dir, dir + "2"} {
		if code := run(t.Context(), []string{"man", folder}, streams{strings.NewReader(""), &bytes.Buffer{}, os.Stderr}, environ); code != exitDone {
			t.Fatalf("got exit code %d", code)
		}
	}
	_, commands := tree()
	man, errMan := exec.LookPath("man")
	for path, c := range commands {
		if path == "help" {
			continue // cobra writes no page for it
		}
		name := "millpondd-" + strings.ReplaceAll(path, " ", "-") + ".1"
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("got %v; want a page for %s", err, path)
			continue
		}
		if again, err := os.ReadFile(filepath.Join(dir+"2", name)); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s: got other bytes the second time (%v)", name, err)
		}
		page := strings.ReplaceAll(string(text), `\-`, "-")
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(page, "--"+f.Name) {
				t.Errorf("%s: got no --%s in it", name, f.Name)
			}
		})
		if !strings.Contains(page, "Nov 2023") {
			t.Errorf("%s: got another date than SOURCE_DATE_EPOCH", name)
		}
	}
	if errMan != nil {
		return // the format is checked where there is a man
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < len(commands)-1 {
		t.Fatalf("got %d pages, %v; want one for each of %d commands", len(pages), err, len(commands))
	}
	out, err := exec.CommandContext(t.Context(), man, append([]string{"--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"}, pages...)...).CombinedOutput()
	if warnings := warningsOf(string(out)); err != nil || len(warnings) > 0 {
		t.Errorf("got %v, %q; want no complaint of man", err, warnings)
	}
}

// warningsOf returns the lines of man's output that are no part of a formatted page.
func warningsOf(out string) []string {
	var list []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "warning") && strings.Contains(line, ".1:") {
			list = append(list, line)
		}
	}
	return list
}

// README's list of commands is that of the program, in both directions.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Command line\n")
	if !ok {
		t.Fatal("README has no section Command line")
	}
	_, section, _ = strings.Cut(section, "\n```\n")
	section, _, _ = strings.Cut(section, "\n```\n")
	_, commands := tree()
	var listed []string
	for line := range strings.Lines(section) {
		line, _, _ = strings.Cut(line, "#")
		group := ""
		for _, part := range strings.Split(strings.TrimPrefix(line, "millpondd "), "|") {
			fields := strings.Fields(part)
			name := fields[0]
			if len(fields) > 1 && commands[name+" "+fields[1]] != nil {
				group, name = name, name+" "+fields[1]
			} else if group != "" && commands[group+" "+name] != nil {
				name = group + " " + name
			}
			if commands[name] == nil {
				t.Errorf("README lists %q, which is no command", name)
			}
			listed = append(listed, name)
		}
	}
	for path, c := range commands {
		if path != "help" && !c.HasSubCommands() && !slices.Contains(listed, path) {
			t.Errorf("README does not list %q", path)
		}
	}
}

// Every command refuses what it does not know with exit code 2, one line on stderr that says so,
// and nothing on stdout; nothing is begun.
func TestWrongUsage(t *testing.T) {
	_, commands := tree()
	environ := person(t)
	for path := range commands {
		if strings.HasPrefix(path, "completion") || path == "help" {
			continue // cobra's own, which print their usage instead
		}
		for _, more := range []string{"--no-such-flag", "a b c d"} {
			var out, errs bytes.Buffer
			args := slices.Concat(strings.Fields(path), strings.Fields(more))
			code := run(t.Context(), args, streams{strings.NewReader(""), &out, &errs}, environ)
			if code != exitUsage || out.Len() > 0 || strings.Count(errs.String(), "\n") != 1 || !strings.HasPrefix(errs.String(), "millpondd: ") {
				t.Errorf("%s: got exit code %d, stdout %q, stderr %q; want 2 and one line of stderr", args, code, out.String(), errs.String())
			}
		}
	}
}
