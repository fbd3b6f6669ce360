package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// writeAppDir makes the folder that an AppImage holds: the programs and the shared files of the tarball, and at
// its top the program that is started, the menu entry and the icon (the AppImage specification, "AppDir"). It can
// be started where it is, by AppRun.
func writeAppDir(p *product, list []file, to string) error {
	var files []file
	for _, f := range list {
		if f.in("tar") && (strings.HasPrefix(f.to, "/usr/bin/") || strings.HasPrefix(f.to, "/usr/share/")) {
			f.to = f.to[1:]
			files = append(files, f)
		}
	}
	start, err := p.fill("AppRun")
	if err != nil {
		return err
	}
	entry, err := p.fill("menu.desktop")
	if err != nil {
		return err
	}
	icon, err := p.picture(256)
	if err != nil {
		return err
	}
	return writeTree(p, append(files,
		file{to: "AppRun", body: start, mode: 0o755},
		file{to: p.ID + ".desktop", body: entry, mode: 0o644},
		file{to: p.ID + ".png", body: icon, mode: 0o644},
		file{to: ".DirIcon", body: icon, mode: 0o644}), to)
}

// writeAppImage makes an AppImage: the runtime, a program of the AppImage project's that mounts what
// follows it and starts AppRun there, and the AppDir as a file system (the AppImage specification, "The
// image format", type 2).
func writeAppImage(p *product, list []file, to string) (err error) {
	if p.runtime == "" {
		return errors.New("an AppImage begins with the runtime of the AppImage project: name its file by -runtime")
	}
	work, err := os.MkdirTemp("", "millpond-appimage-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	dir, image := filepath.Join(work, "AppDir"), filepath.Join(work, "image")
	if err := writeAppDir(p, list, dir); err != nil {
		return err
	}
	if err := squash(p, dir, image); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	for _, part := range []string{p.runtime, image} {
		err = errors.Join(err, appendFile(out, part))
	}
	return errors.Join(err, out.Chmod(0o755), out.Close())
}

// squash makes a file system of a folder, without anything of this machine.
func squash(p *product, dir, to string) error {
	modified := strconv.FormatInt(p.modified.Unix(), 10)
	c := exec.Command("mksquashfs", dir, to, "-noappend", "-no-progress", "-quiet", "-no-xattrs", "-root-owned",
		"-comp", "zstd", "-mkfs-time", modified, "-all-time", modified)
	for _, v := range os.Environ() { // it refuses the time twice
		if !strings.HasPrefix(v, "SOURCE_DATE_EPOCH=") {
			c.Env = append(c.Env, v)
		}
	}
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("mksquashfs (of squashfs-tools): %w: %s", err, out)
	}
	return nil
}

// appendFile adds the content of a file.
func appendFile(out io.Writer, name string) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}
