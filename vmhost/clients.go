package vmhost

import (
	"google.golang.org/grpc"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// clients are a plugin's services.
type clients struct {
	vm      pluginv1.VMServiceClient
	sync    pluginv1.StateSyncServiceClient
	runtime pluginv1.ParachainRuntimeServiceClient
}

func clientsOf(conn grpc.ClientConnInterface) clients {
	return clients{
		vm:      pluginv1.NewVMServiceClient(conn),
		sync:    pluginv1.NewStateSyncServiceClient(conn),
		runtime: pluginv1.NewParachainRuntimeServiceClient(conn),
	}
}
