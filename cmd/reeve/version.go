package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/overseer/subsystem/driver"
	"github.com/reevenet/reeve/vmhost/handshake"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = "devel"

// versions is what `reeve version -o json` prints.
type versions struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Dirty   bool   `json:"dirty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Bus     span   `json:"busProtocol"`
	VM      span   `json:"vmProtocol"`
}

// span is a range of protocol versions.
type span struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// String is the form for people.
func (s span) String() string {
	if s.Min == s.Max {
		return fmt.Sprint(s.Min)
	}
	return fmt.Sprintf("%d to %d", s.Min, s.Max)
}

func ourVersions() versions {
	v := versions{
		Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Bus: span{driver.ProtocolMin, driver.ProtocolMax}, VM: span{handshake.MinVersion, handshake.MaxVersion},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Dirty = s.Value == "true"
		}
	}
	return v
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this program and the protocols it speaks",
		Args: takes(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v := ourVersions()
			return a.show(v, func(t *table) {
				t.row("version", v.Version)
				t.row("commit", cmp.Or(v.Commit, "not known: built without version control"))
				t.row("go", v.Go, v.OS+"/"+v.Arch)
				t.row("bus protocol", v.Bus)
				t.row("VM protocol", v.VM)
			})
		},
	}
}
