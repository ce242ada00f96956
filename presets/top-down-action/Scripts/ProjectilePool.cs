using System;
using System.Collections.Generic;
using UnityEngine;

namespace Spark.TopDownAction
{
    /// <summary>Keeps spent projectiles for the next shot, so that firing allocates nothing once the pool is warm.</summary>
    public sealed class ProjectilePool : MonoBehaviour
    {
        [SerializeField] private Projectile template;
        [SerializeField, Min(1)] private int warmCount = 24;
        [SerializeField, Min(1)] private int maxCount = 96;

        private readonly Stack<Projectile> idle = new Stack<Projectile>();
        private Action<Projectile> putBack;
        private int made;

        /// <summary>Fires one, or none when too many fly already.</summary>
        public bool Fire(Vector2 position, Vector2 direction, Team team)
        {
            Projectile shot = idle.Count > 0 ? idle.Pop() : Make();
            if (shot == null) return false;
            shot.Launch(position, direction.normalized, team, putBack);
            return true;
        }

        private void Awake()
        {
            putBack = idle.Push;
            template.gameObject.SetActive(false);
            for (int i = 0; i < warmCount; i++)
            {
                Projectile shot = Make();
                if (shot != null) idle.Push(shot);
            }
        }

        private Projectile Make()
        {
            if (made >= maxCount) return null;
            made++;
            Projectile shot = Instantiate(template, transform);
            // Woken once so that it finds its own parts; it lies idle until it is launched.
            shot.gameObject.SetActive(true);
            shot.gameObject.SetActive(false);
            return shot;
        }
    }
}
