// Command relayvm is the relay chain's VM as a plugin.
package main

import (
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/vmhost/relayvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func main() {
	tuning.Profile{}.Apply()
	vmsdk.Serve(&relayvm.VM{})
}
