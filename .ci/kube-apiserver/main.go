// The API server of Kubernetes, as kubernetes/cmd/kube-apiserver builds it. This module only fixes its version:
// `k8s.io/kubernetes` cannot be installed with `go install`, because its go.mod has replacements.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
