package console

import "github.com/ostiary/ostiary/core/userimport"

// Operations returns all operations with the service behind them.
func Operations(service *userimport.Service) []Handler {
	return importOperations(imports{service})
}
