// SPDX-License-Identifier: Apache-2.0

package dockertest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Image has every command of busybox in /bin and nothing else.
const Image = "bb:1"

// importImage makes [Image] from the machine's static busybox.
func (d *Daemon) importImage() error {
	archive, err := busyboxImage()
	if err != nil {
		return fmt.Errorf("make image %s: %w", Image, err)
	}
	_, err = d.docker(bytes.NewReader(archive), "import", "-", Image)
	return err
}

func busyboxImage() ([]byte, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	commands, err := exec.Command(path, "--list").Output() //nolint:noctx // returns at once
	if err != nil {
		return nil, fmt.Errorf("list commands of busybox: %w", err)
	}
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	for _, dir := range []string{"bin", "dev", "etc", "proc", "root", "run", "sys", "tmp"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}); err != nil {
			return nil, err
		}
	}
	if err := addFile(w, "etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\n")); err != nil {
		return nil, err
	}
	if err := addFile(w, "bin/busybox", 0o755, binary); err != nil {
		return nil, err
	}
	for command := range strings.FieldsSeq(string(commands)) {
		if command == "busybox" {
			continue
		}
		link := &tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + command, Linkname: "busybox"}
		if err := w.WriteHeader(link); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return files.Bytes(), nil
}

func addFile(w *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
