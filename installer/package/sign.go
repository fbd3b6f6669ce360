package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A signer signs programs for Windows by osslsigncode. The zero value signs nothing.
type signer struct {
	certificate string // a file with the certificate and those above it, in PEM
	key         string // a file with its private key, in PEM
	stamp       string // the address of a time stamp server (RFC 3161); "" leaves the time out, and the signature ends with the certificate
	title       string // of the product, which Windows shows when it asks
}

// check tells what is wrong with the flags.
func (s *signer) check() error {
	if (s.certificate == "") != (s.key == "") {
		return errors.New("-sign-cert and -sign-key go together")
	}
	for _, path := range []*string{&s.certificate, &s.key} {
		if *path == "" {
			continue
		}
		full, err := filepath.Abs(*path) // makensis works in another folder
		if err != nil {
			return err
		}
		if _, err := os.Stat(full); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		*path = full
	}
	return nil
}

// words are the command line that signs, without the file.
func (s signer) words() []string {
	words := []string{"osslsigncode", "sign", "-certs", s.certificate, "-key", s.key, "-h", "sha256", "-n", s.title}
	if s.stamp != "" {
		words = append(words, "-ts", s.stamp)
	}
	return words
}

// sign signs the program at path in its place.
func (s signer) sign(ctx context.Context, path string) error {
	if s.certificate == "" {
		return nil
	}
	words := append(s.words(), "-in", path, "-out", path+".signed")
	if said, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("sign %s: %w\n%s", filepath.Base(path), err, said)
	}
	return os.Rename(path+".signed", path)
}

// script writes a script into the folder dir that signs the file it is called with in its place, and returns its
// path; "" without a certificate.
func (s signer) script(dir string) (string, error) {
	if s.certificate == "" {
		return "", nil
	}
	text := "#!/bin/sh\nset -e\n"
	for _, word := range s.words() {
		text += "'" + strings.ReplaceAll(word, "'", `'\''`) + "' "
	}
	text += `-in "$1" -out "$1.signed"` + "\n" + `mv "$1.signed" "$1"` + "\n"
	path := filepath.Join(dir, "sign.sh")
	return path, os.WriteFile(path, []byte(text), 0o755)
}
