package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millpond/installer/update"
)

// updateWait bounds how long the release index may take to answer.
const updateWait = 30 * time.Second

func (a *app) updateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "update",
		Short: "Ask whether there is a newer release",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &failure{code: exitUsage, err: errors.New("update needs a command"), next: `Run "millpondd update check".`}
		},
	}
	c.AddCommand(a.updateCheckCommand())
	return c
}

func (a *app) updateCheckCommand() *cobra.Command {
	var asJSON bool
	var address string
	c := &cobra.Command{
		Use:   "check",
		Short: "Say what is newer and how to install it; nothing is installed",
		Long: `Say what is newer and how to install it; nothing is installed.

The release index at updates.url is asked, now and at no other time. What it says counts
only with a signature by the key that this program was built with.`,
		Example: "  millpondd update check",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := a.checkUpdate(c.Context(), address)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, r)
			}
			printUpdate(a.std.out, r, a.kindHere(c.Context()))
			return nil
		},
	}
	c.Flags().StringVar(&address, "url", "", "ask the index at this `URL` instead")
	jsonFlag(c, &asJSON)
	return c
}

// checkUpdate asks the index at an address, or that of the settings for "".
func (a *app) checkUpdate(ctx context.Context, address string) (update.Report, error) {
	if address == "" {
		s, err := a.load()
		if err != nil {
			return update.Report{}, err
		}
		address = s.Updates.URL
	}
	if address == "" {
		return update.Report{}, &failure{code: exitUsage, err: errors.New("no release index is set"),
			next: `Set one with "millpondd config set updates.url URL", or name it with --url.`}
	}
	if err := update.CheckURL(address); err != nil {
		return update.Report{}, &failure{code: exitUsage, err: fmt.Errorf("%s: %w", address, err)}
	}
	ctx, cancel := context.WithTimeout(ctx, updateWait)
	defer cancel()
	r, err := update.Check(ctx, update.Config{
		URL: address, Key: a.updateKey, Version: programVersion(), OS: runtime.GOOS, Arch: runtime.GOARCH, Now: time.Now,
	})
	switch {
	case errors.Is(err, update.ErrNoKey):
		return r, &failure{code: exitRefused, err: err, next: "Get newer ones where you got this one."}
	case errors.Is(err, update.ErrSignature), errors.Is(err, update.ErrExpired):
		return r, &failure{code: exitRefused, err: err, next: "Do not install what it offers; ask where you got this program."}
	case err != nil:
		return r, failed(err, "Try again later.")
	}
	return r, nil
}

// printUpdate says what is new, and how to install it where that kind of file was installed.
func printUpdate(w io.Writer, r update.Report, kind string) {
	switch {
	case !r.Known:
		fmt.Fprintf(w, "This is %s, which is no release; the newest is %s.\n", r.Current, cmp.Or(r.Newest, "none"))
		return
	case !r.Newer:
		fmt.Fprintf(w, "This is %s, and nothing newer is out.\n", r.Current)
		return
	}
	fmt.Fprintf(w, "Millpond %s is out; this is %s.\n", r.Newest, r.Current)
	for _, release := range r.Releases {
		fmt.Fprintf(w, "\n%s (%s)\n", release.Version, release.Date)
		for _, line := range []string{release.Summary, release.Notes} {
			if line != "" {
				fmt.Fprintf(w, "  %s\n", line)
			}
		}
	}
	file, ok := fileOfKind(r.Releases[0].Files, kind)
	if !ok {
		fmt.Fprintf(w, "\nIt has no file for %s on %s.\n", runtime.GOOS, runtime.GOARCH)
		return
	}
	fmt.Fprintf(w, "\nTo install it:\n  %s\n", strings.Join(installSteps(runtime.GOOS, file), "\n  "))
}

// fileOfKind returns the file of a kind; the first one when there is none.
func fileOfKind(files []update.File, kind string) (update.File, bool) {
	if len(files) == 0 {
		return update.File{}, false
	}
	return files[max(0, slices.IndexFunc(files, func(f update.File) bool { return f.Kind == kind }))], true
}

// installSteps returns the commands that a person runs to get a file, to check and to install it.
func installSteps(goos string, f update.File) []string {
	name := f.Name()
	install := map[string]string{
		"deb": "sudo apt install ./" + name, "rpm": "sudo dnf install ./" + name,
		"tar.gz": "tar -xzf " + name, "AppImage": "chmod +x " + name + " && ./" + name,
		"pkg": "open " + name, "exe": `.\` + name,
	}[f.Kind]
	switch goos {
	case "windows":
		return []string{"Invoke-WebRequest " + f.URL + " -OutFile " + name,
			"(Get-FileHash " + name + ").Hash -eq '" + strings.ToUpper(f.SHA256) + "'    # must say True", install}
	case "darwin":
		return []string{"curl -fLO " + f.URL, "echo '" + f.SHA256 + "  " + name + "' | shasum -a 256 -c", install}
	}
	return []string{"curl -fLO " + f.URL, "echo '" + f.SHA256 + "  " + name + "' | sha256sum -c", install}
}
