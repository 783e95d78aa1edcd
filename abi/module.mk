MODULE := abi
