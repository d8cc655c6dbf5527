"""Libraries that every Windows 10 and 11 has, and those of the Visual C++ runtime, which it need not have.

The names are those that modules on the package index were seen to ask for, and others of the same interfaces, from
Microsoft's reference of the Windows API (each function names its DLL). That a name is not here does not prove that
Windows lacks it.
"""

from __future__ import annotations

import re

_TEXT = """
activeds advapi32 apphelp atl authz avicap32 avifil32 avrt bcrypt bcryptprimitives bluetoothapis bthprops
cabinet cfgmgr32 clbcatq clusapi combase comctl32 comdlg32 coremessaging credui crypt32 cryptbase cryptnet
cryptsp cryptui cryptxml d2d1 d3d10 d3d10_1 d3d10core d3d11 d3d12 d3d9 d3dcompiler_47 davclnt dbgeng dbghelp
dciman32 dcomp ddraw devobj dhcpcsvc dhcpcsvc6 dinput dinput8 directml dnsapi dsound dsprop dsrole dui70
dwmapi dwrite dxcore dxgi dxva2 eappcfg efsadu esent evntprov evr fltlib fontsub fwpuclnt gdi32 gdi32full
gdiplus glu32 gpapi hid hlink httpapi icu icuin icuuc ieframe imagehlp imm32 inetcomm iphlpapi iscsidsc
kernel32 kernelbase ksuser ktmw32 loadperf lz32 magnification mapi32 mf mfcore mfplat mfplay mfreadwrite
mfsensorgroup mfuuid mlang mmdevapi mpr mprapi msacm32 msasn1 mscms mscoree msctf msdmo msdrm msi msimg32
mspatcha msports mstask msvbvm60 msvcp_win msvcrt msvfw32 mswsock msxml3 msxml6 ncrypt ncryptprov ndfapi
netapi32 netutils newdev ninput normaliz ntdll ntdsapi ntlanman odbc32 odbccp32 ole32 oleacc oleaut32 oledlg
olepro32 opengl32 pdh powrprof profapi propsys psapi qwave rasapi32 rasdlg rasman resutils rpcrt4 rstrtmgr
rtutils samcli samlib schannel sechost secur32 security sensapi setupapi sfc sfc_os shcore shdocvw shell32
shfolder shlwapi slc slwga snmpapi sspicli sti sxs synchronization t2embed tapi32 tbs tdh traffic ucrtbase
urlmon user32 userenv usp10 uxtheme version virtdisk vssapi wdsclientapi webauthn webservices websocket wer
wevtapi wimgapi win32u winbio windns windowscodecs windowsperformancerecordercontrol winfax winhttp
winhvemulation winhvplatform wininet winmm winnsi winscard winspool winsta wintrust winusb wlanapi wlanui
wldap32 wldp wmi wmvcore wow32 ws2_32 wscapi wsdapi wsnmp32 wsock32 wtsapi32 xaudio2_8 xaudio2_9 xinput1_4
xinput9_1_0 xinputuap xmllite xolehlp xpsprint
"""
_NAMES = frozenset(_TEXT.split())
# Parts of the system that no file stands for (API sets), drivers of the graphics card, .NET.
_FAMILIES = re.compile(r"windows\..*|nvcuda|nvml|nvapi(?:64)?|opencl|vulkan-1|amdhip64.*|mscor.*")
_VC_RUNTIME = re.compile(
    r"(?:msvcp140(?:_1|_2|_atomic_wait|_codecvt_ids)?|vcruntime140(?:_1|_threads)?|concrt140|vcomp140|vccorlib140"
    r"|vcamp140|mfc140u?|mfcm140u?)\.dll"
)


def is_system(name: str) -> bool:
    """Whether a library, by its name in small letters, is one of Windows or of a driver."""
    stem, _, suffix = name.rpartition(".")
    known = stem in _NAMES or bool(_FAMILIES.fullmatch(stem))
    return is_api_set(name) or (known and suffix in {"dll", "drv", "exe", "cpl"})


def is_api_set(name: str) -> bool:
    """Whether a name stands for a part of Windows that has no file of that name."""
    return name.startswith(("api-ms-win-", "ext-ms-"))


def is_vc_runtime(name: str) -> bool:
    """Whether a library is part of the Visual C++ runtime, which many programs bring, and Windows does not."""
    return bool(_VC_RUNTIME.fullmatch(name))
