# Makes `kernel`, `lib/modules` and `initramfs` here.
set -eu
newest() {
    apt-cache depends --important linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1
}
image=$(newest)
if [ -z "$image" ]; then
    apt-get -q update
    image=$(newest)
fi
rm -rf package lib initramfs.d
mkdir package
(cd package && apt-get -q -o APT::Sandbox::User= download "$image" && dpkg -x ./*.deb .)
mv package/lib lib
mv package/boot/vmlinuz-* kernel
rm -rf package
version=$(ls lib/modules)
depmod -b . "$version"

mkdir -p initramfs.d/modules
for directory in bin proc sys dev lower upper new; do mkdir -p "initramfs.d/$directory"; done
cp "$(command -v busybox)" initramfs.d/bin/busybox
cp init initramfs.d/init
chmod 755 initramfs.d/init
at=100
for module in virtio_pci virtiofs overlay; do
    modprobe -d . -S "$version" --show-depends "$module" | while read -r what file _; do
        [ "$what" = insmod ] || continue
        name=${file##*/}
        ls initramfs.d/modules | grep -q -- "-$name\$" && continue
        at=$((100 + $(ls initramfs.d/modules | wc -l)))
        cp "$file" "initramfs.d/modules/$at-$name"
    done
done
(cd initramfs.d && find . | cpio --quiet -o -H newc | gzip -1) > initramfs
rm -rf initramfs.d
