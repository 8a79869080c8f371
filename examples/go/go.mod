// SPDX-License-Identifier: Apache-2.0
module samlet

go 1.19
