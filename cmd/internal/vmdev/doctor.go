package vmdev

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/handshake"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/process"
)

// Finding is one thing that `vm doctor` has looked at.
type Finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	// Detail is what was found, or what is wrong and what to do.
	Detail string `json:"detail"`
}

// Diagnosis is all of it, in the order it was looked at. It ends with the first thing that is wrong.
type Diagnosis struct {
	Plugin   string    `json:"plugin"`
	Findings []Finding `json:"findings"`
	// Err is the readable error of what is wrong; nil when nothing is.
	Err error `json:"-"`
}

// OK reports whether nothing is wrong.
func (d *Diagnosis) OK() bool { return d.Err == nil }

func (d *Diagnosis) note(what, format string, args ...any) {
	d.Findings = append(d.Findings, Finding{What: what, OK: true, Detail: fmt.Sprintf(format, args...)})
}

func (d *Diagnosis) wrong(what string, err error) {
	d.Err = err
	d.Findings = append(d.Findings, Finding{What: what, Detail: err.Error()})
}

// Doctor looks at a plugin file, starts it as a node would, and says what is the matter with it.
func Doctor(ctx context.Context, plugin string) *Diagnosis {
	d := &Diagnosis{Plugin: plugin}
	sum, size, err := checksum(plugin)
	if err == nil {
		d.note("file", "%d bytes, SHA-256 %x", size, sum)
	}
	if info, err := buildinfo.ReadFile(plugin); err == nil {
		d.note("built with", "%s, module %s", info.GoVersion, info.Main.Path)
	}
	begin := time.Now()
	about, err := describe(ctx, process.Launcher{Path: plugin, Confine: &launch.Confine{}})
	if err != nil {
		if _, ok := errors.AsType[*errcode.Error](err); !ok {
			err = errcode.New(errcode.PluginBroken, "", err, "the plugin starts and doesn't say what it is")
		}
		d.wrong("start", err)
		return d
	}
	d.note("start", "handshake and first answer in %v", time.Since(begin).Round(time.Millisecond))
	d.note("protocol", "version %d; this node speaks %d to %d",
		handshake.MaxVersion, handshake.MinVersion, handshake.MaxVersion)
	d.note("vm", "%s %s, %s", about.GetName(), about.GetVersion(), about.GetSdk())
	for _, c := range about.GetCapabilities() {
		d.note("capability", "%s", c)
	}
	for _, e := range about.GetRequiredExtensions() {
		d.note("needs extension", "%s", e)
	}
	return d
}

func checksum(path string) (sum []byte, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return h.Sum(nil), size, err
}
