package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"os"
	"path"
	"strings"
)

// writeTarball makes the tarball at the path: the tree of the packages below one folder, for
// systems that have neither format. Unpack it at /usr, or run the programs where they are.
func writeTarball(p *product, list []file, to string) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	packed, _ := gzip.NewWriterLevel(out, gzip.BestCompression) // the level is valid
	w := tar.NewWriter(packed)
	for _, f := range list {
		if !f.in("tar") {
			continue
		}
		err = errors.Join(err, p.writeEntry(w, f))
	}
	return errors.Join(err, w.Close(), packed.Close(), out.Close())
}

// writeEntry adds one file, without anything of this machine.
func (p *product) writeEntry(w *tar.Writer, f file) error {
	name := path.Join(p.Name+"-"+p.Version, strings.TrimPrefix(strings.TrimPrefix(f.to, "/usr"), "/"))
	header := &tar.Header{
		Name: name, Mode: int64(f.mode), Size: int64(len(f.body)), ModTime: p.modified,
		Typeflag: tar.TypeReg, Format: tar.FormatPAX, Uname: "root", Gname: "root",
	}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(f.body)
	return err
}
