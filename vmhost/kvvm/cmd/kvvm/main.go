// Command kvvm is the key-value VM as a plugin.
package main

import (
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func main() {
	tuning.Profile{}.Apply()
	vmsdk.Serve(&kvvm.VM{})
}
